//! Texts that are broken, endless or made to break a parser.

use super::super::imports::read_python;
use super::super::notebook;

#[test]
fn nesting_does_not_overflow_the_stack_and_broken_files_are_read() {
    let deep = 100_000;
    let texts = [
        "(".repeat(deep),
        "[".repeat(1_500) + &"]".repeat(1_500),
        format!("x = {}1", "-".repeat(deep)),
        format!("x = {}1", "not ".repeat(deep)),
        format!("x = 1{}", " + 1".repeat(deep)),
        format!("x = a{}", ".b".repeat(deep)),
        format!("x = a{}", "()".repeat(deep)),
        format!("x = {}1", "lambda: ".repeat(deep)),
        (0..1_000).map(|level| format!("{}if x:\n", " ".repeat(level))).collect(),
        // brackets that a reader of bytes takes for closed, and lines that it takes for whole ones
        format!("x = {}1", "f(')', ".repeat(deep)),
        format!("x = (')' +\n{}a)", "a +\n".repeat(deep)),
        format!("x = (')',\na{})", ".b()\n".repeat(deep)),
        format!("x = {}a", "not not\\\n".repeat(deep)),
        format!("match x:\n case {}", "A(b=#)\n".repeat(deep)),
        format!("match x:\n case {}", "[".repeat(9_000)),
        format!("match x:\n case a{}", "|b".repeat(deep)),
        format!("x = {}a", "(]".repeat(deep)),
        format!("x = {}", "(]\n".repeat(deep)),
        format!("x = f'{}", "{f\"{".repeat(deep)),
        format!("x = f'{}'", "{a:".repeat(9_000)),
        format!("x = {}a", "[".repeat(9_999)),
        format!("x = {}1", "-".repeat(9_999)),
        format!("x: {}a", "t[".repeat(9_999)),
        format!("{} = 1", "*".repeat(9_999)),
        format!("x = a{}", "[0]".repeat(deep)),
        format!("x = a{}", " if b else c".repeat(9_999)),
        format!("{}x = 1", "y = ".repeat(deep)),
        format!("if a: pass\n{}else: pass", "elif a: pass\n".repeat(deep)),
        format!("def f[T: {}]: pass", "list[".repeat(9_000)),
        format!("del {}x", "(".repeat(9_000)),
        format!("with {}x: pass", "(".repeat(9_000)),
    ];
    for text in texts {
        let read = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(move || read_python(&format!("import yaml\n{text}\n"), false, None))
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(read.imports.first().map(|import| import.module.as_str()), Some("yaml"));
    }
    let python_2 = read_python(
        "import urllib2\nprint 'x'\ntry:\n    import json\nexcept ImportError, e:\n    import simplejson\n",
        false,
        None,
    );
    assert!(python_2.imports.iter().any(|import| import.module == "simplejson" && import.optional));
    assert!(python_2.problems[0].reason.starts_with("Python 2"), "{:?}", python_2.problems);
    let unfinished = read_python("import a\nx = '''never ends\nimport b\n", false, None);
    assert!(unfinished.imports.iter().any(|import| import.module == "b"), "{unfinished:?}");
}

#[test]
fn any_mutation_of_a_notebook_or_a_module_is_answered() {
    let seeds = [
        r#"{"cells":[{"cell_type":"code","source":["import a\n","!pip x\n","%time b()"]}],"nbformat":4}"#,
        "from a.b import (c, d as e)\nif x:\n  try:\n    import f\n  except (ImportError, E):\n    g = f\"{h!r:>{i}}\"\nmatch j:\n  case [k, *_]: pass\n",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..1_000 {
        for seed in seeds {
            let mut bytes = seed.as_bytes().to_vec();
            for _ in 0..1 + next() % 4 {
                let at = usize::try_from(next()).unwrap() % bytes.len().max(1);
                if bytes.is_empty() {
                    break;
                }
                match next() % 3 {
                    0 => bytes[at] = b"\"'\\([{}])\n\t:#\0\xff"[usize::try_from(next() % 15).unwrap()],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let _ = notebook::read_notebook(&bytes);
            let _ = read_python(&String::from_utf8_lossy(&bytes), false, None);
        }
    }
}
