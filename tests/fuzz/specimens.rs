//! Files with secrets in them, which no fixture may hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::content::{gzip, tarred, token, utf16, zipped};

/// Whole specimens of every form that is read, each with a file's name.
pub fn specimens() -> Vec<(&'static str, Vec<u8>)> {
    let text = format!("a = '{}'\npassword = \"Xk9!{}\"\nurl = 'postgres://u:Zk8xq2@h/d'\n", token(300), "q7w");
    let notebook = format!(
        "{{\"cells\": [{{\"cell_type\": \"code\", \"source\": [\"k = '{}'\\n\", \"x\"], \"outputs\": [{{\"text\": \"a\\u005fb\"}}]}}]}}",
        token(301)
    );
    let mut sqlite = b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20".to_vec();
    sqlite.resize(56, 0);
    sqlite.extend([0, 0, 0, 1]);
    sqlite.resize(100, 0);
    sqlite.extend([13, 0, 0, 0, 1, 1, 0, 0, 0x6c]);
    sqlite.extend([0x81, 0x10, 1, 3, 0x17, 0x19]);
    sqlite.resize(512 * 3, b'k');
    let mut pyc = vec![0xcb, 0x0d, b'\r', b'\n', 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    pyc.extend([b'z', 40]);
    pyc.extend(token(302).as_bytes());
    vec![
        ("a.py", text.clone().into()),
        ("a.ipynb", notebook.into()),
        ("a.gz", gzip(text.as_bytes())),
        ("a.zip", zipped("x/y.py", text.as_bytes())),
        ("a.tar.gz", gzip(&tarred("x.py", text.as_bytes()))),
        ("a.tar", tarred("x.py", text.as_bytes())),
        ("a.txt", utf16(&text)),
        ("a.sqlite", sqlite),
        ("a.pyc", pyc),
        ("nested.txt", STANDARD.encode(STANDARD.encode(&text)).into()),
        (
            "escaped.json",
            format!("{{\"k\": \"{}\\n\\u0041%41\"}}", text.replace('\n', "\\n").replace('"', "\\\"")).into(),
        ),
        ("joined.js", text.replace("= '", "= 'a' +\n 'b' +\n '").into()),
    ]
}
