//! Secrets in the places where other scanners do not look, each on its own in a real repository, found or not by the real binary; and
//! beside them what looks like a secret there and is none.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scanner::secrets::example::fill;
use serde_json::Value;

use crate::command::{World, git, of_kind};

/// A GitHub token with a right checksum, different for each seed.
fn token(seed: &str) -> String {
    fill("{github:ghp_}", seed)
}

/// A password as people choose them.
fn human(seed: &str) -> String {
    fill("{upper:1}{lower:6}{digit:3}!", seed)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut stream = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    stream.write_all(bytes).unwrap();
    stream.finish().unwrap()
}

fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(bytes).unwrap();
    archive.finish().unwrap().into_inner()
}

fn tarred(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    archive.append_data(&mut header, name, bytes).unwrap();
    archive.into_inner().unwrap()
}

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

fn pyc(strings: &[&str]) -> Vec<u8> {
    let mut file = vec![0xcb, 0x0d, b'\r', b'\n', 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    for text in strings {
        file.extend([b'z', text.len() as u8]);
        file.extend(text.as_bytes());
    }
    file
}

/// A database of one table `users (name, password)` on two pages of 512 bytes, and an overflow page for what is long.
fn sqlite(name: &str, password: &str) -> Vec<u8> {
    database("CREATE TABLE users (name TEXT NOT NULL, password VARCHAR(20))", true, [name, password])
}

/// The same with a statement of one's own, and whether its table is stored (on page 2): a virtual one is not.
/// <https://www.sqlite.org/fileformat2.html>
fn database(sql: &str, stored: bool, [name, password]: [&str; 2]) -> Vec<u8> {
    let text = |text: &str| 13 + 2 * text.len() as u64;
    let varint = |mut value: u64| {
        let mut bytes = vec![(value & 0x7f) as u8];
        while value > 0x7f {
            value >>= 7;
            bytes.insert(0, (value & 0x7f) as u8 | 0x80);
        }
        bytes
    };
    let record = |kinds: &[u64], body: &[u8]| {
        let kinds: Vec<u8> = kinds.iter().flat_map(|kind| varint(*kind)).collect();
        [vec![kinds.len() as u8 + 1], kinds, body.to_vec()].concat()
    };
    // a number of no bytes is zero
    let (root, number) = if stored { ("\u{2}", 1) } else { ("", 8) };
    let schema = record(
        &[text("table"), text("users"), text("users"), number, text(sql)],
        format!("tableusersusers{root}{sql}").as_bytes(),
    );
    let row = record(&[text(name), text(password)], format!("{name}{password}").as_bytes());
    let leaf = |page: &mut [u8], header: usize, payload: &[u8]| -> Vec<u8> {
        let (usable, size) = (512, payload.len());
        let here = if size <= usable - 35 {
            size
        } else {
            let least = (usable - 12) * 32 / 255 - 23;
            let here = least + (size - least) % (usable - 4);
            if here <= usable - 35 { here } else { least }
        };
        let mut cell = [varint(size as u64), varint(1), payload[..here].to_vec()].concat();
        if here < size {
            cell.extend(3u32.to_be_bytes());
        }
        let at = 512 - cell.len();
        page[at..].copy_from_slice(&cell);
        page[header] = 13;
        page[header + 3..header + 5].copy_from_slice(&1u16.to_be_bytes());
        page[header + 5..header + 7].copy_from_slice(&(at as u16).to_be_bytes());
        page[header + 8..header + 10].copy_from_slice(&(at as u16).to_be_bytes());
        payload[here..].to_vec()
    };
    let mut file = vec![0u8; 3 * 512];
    file[..16].copy_from_slice(b"SQLite format 3\0");
    file[16..18].copy_from_slice(&512u16.to_be_bytes());
    file[56..60].copy_from_slice(&1u32.to_be_bytes());
    assert!(leaf(&mut file[..512], 100, &schema).is_empty());
    let rest = leaf(&mut file[512..1024], 0, &row);
    file[1028..1028 + rest.len()].copy_from_slice(&rest);
    file
}

/// Each file, what it holds, and whether that is a secret.
fn files() -> Vec<(&'static str, Vec<u8>, bool)> {
    let t = |seed: &str| token(seed);
    let pem = |seed: &str| fill("{pem:RSA PRIVATE KEY}", seed);
    let b64 = |text: &str| STANDARD.encode(text);
    let halves = |seed: &str| {
        let whole = token(seed);
        (whole[..15].to_owned(), whole[15..].to_owned())
    };
    let mut files: Vec<(&'static str, Vec<u8>, bool)> = Vec::new();
    let mut yes = |path: &'static str, content: Vec<u8>| files.push((path, content, true));
    // notebooks
    yes("source.ipynb", notebook(&[&format!("k = '{}'\\n", t("n1"))], &[]));
    yes("output.ipynb", notebook(&["print(k)\\n"], &[&format!("{}\\n", t("n2"))]));
    let (front, back) = halves("n3");
    yes("joined.ipynb", notebook(&[&format!("k = ('{front}'\\n"), &format!("     '{back}')\\n")], &[]));
    let lines: Vec<String> = pem("n4").lines().map(|line| format!("{line}\\n")).collect();
    yes("pem.ipynb", notebook(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &[]));
    let connect = format!("c = psycopg2.connect(host='db', password='{}')\\n", human("n5"));
    yes("connect.ipynb", notebook(&["import psycopg2\\n", &connect], &[]));
    // encodings
    yes("unicode.json", format!("{{\"k\": \"{}\"}}", t("e1").replace('_', "\\u005f")).into());
    yes("escaped.yaml", format!("k: \"{}\"\n", t("e2").replace('_', "\\x5f")).into());
    yes("percent.txt", format!("u=https://h/?t={}\n", t("e3").replace('_', "%5F")).into());
    yes("hexadecimal.txt", hex::encode(format!("token={}", t("e4"))).into());
    yes("base64.txt", b64(&format!("token={}", t("e5"))).into());
    yes("nested.txt", b64(&format!("a={}", b64(&format!("token={}", t("e6"))))).into());
    yes("k8s.yaml", format!("kind: Secret\ndata:\n  token: {}\n", b64(&t("e7"))).into());
    yes("k8s-password.yaml", format!("kind: Secret\ndata:\n  password: {}\n", b64(&human("e8"))).into());
    yes("data-uri.css", format!("a {{ background: url(data:text/plain;base64,{}) }}", b64(&t("e9"))).into());
    yes(
        "helm.yaml",
        format!("release: {}\n", b64(&STANDARD.encode(gzip(format!("token: {}", t("e10")).as_bytes())))).into(),
    );
    yes("wide-le.txt", utf16(&format!("key = {}\r\n", t("e11")), true, true));
    yes("wide-be.txt", utf16(&format!("key = {}\r\n", t("e12")), false, true));
    yes("wide-bare.txt", utf16(&format!("key = {}\r\n", t("e13")), true, false));
    yes("json-in-json.json", format!("{{\"body\": \"{{\\\"password\\\": \\\"{}\\\"}}\"}}", human("e14")).into());
    yes("pem.json", format!("{{\"private_key\": \"{}\\n\"}}", pem("e15").replace('\n', "\\n")).into());
    yes("entity.xml", format!("<password>{}&amp;x</password>", human("e16")).into());
    // literals over lines
    let (front, back) = halves("l1");
    yes("implicit.py", format!("k = ('{front}'\n     '{back}')\n").into());
    let (front, back) = halves("l2");
    yes("plus.js", format!("const k = '{front}' +\n  '{back}';\n").into());
    let (front, back) = halves("l3");
    yes("Plus.java", format!("String k = \"{front}\"\n    + \"{back}\";\n").into());
    let (front, back) = halves("l4");
    yes("adjacent.c", format!("const char *k = \"{front}\"\n  \"{back}\";\n").into());
    let (front, back) = halves("l5");
    yes("dot.php", format!("$k = '{front}' .\n  '{back}';\n").into());
    let (front, back) = halves("l6");
    yes("continued.sh", format!("k={front}\\\n{back}\n").into());
    let (front, back) = halves("l7");
    yes("one-line.py", format!("k = '{front}' + '{back}'\n").into());
    // base64 broken over lines, as MIME and YAML have it
    let broken = |bytes: &[u8], width: usize, indent: &str| -> String {
        let encoded = STANDARD.encode(bytes);
        let lines = encoded.as_bytes().chunks(width).map(|line| format!("{indent}{}\n", String::from_utf8_lossy(line)));
        lines.collect()
    };
    let words = "a line of words that stand before it\n".repeat(6);
    let mail = broken(format!("{words}password: {}\n", human("w1")).as_bytes(), 76, "");
    yes("mail.eml", format!("Content-Transfer-Encoding: base64\n\n{mail}\n").into());
    let recorded = broken(&gzip(format!("{words}{{\"api_token\": \"{}\"}}\n", t("w2")).as_bytes()), 64, "      ");
    yes("recorded.yml", format!("response:\n  body:\n    string: !!binary |\n{recorded}  status: 200\n").into());
    let dump: String = hex::encode(format!("{words}{}\n", t("w3")))
        .as_bytes()
        .chunks(60)
        .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
        .collect();
    yes("dump.hex", dump.into());
    // binaries and archives
    yes("mod.pyc", pyc(&[&t("b1"), "zebra and more"]));
    yes("data.sqlite", sqlite("bob", &t("b2")));
    yes("long.sqlite", sqlite(&"x".repeat(300), &format!("{} {} ", "y".repeat(150), t("b3"))));
    yes("human.sqlite", sqlite("bob", &human("b4")));
    yes("a.txt.gz", gzip(format!("key {}\n", t("b5")).as_bytes()));
    yes("a.zip", zipped("x/y.txt", t("b6").as_bytes()));
    yes("a.tar", tarred("x/y.txt", t("b7").as_bytes()));
    yes("a.tar.gz", gzip(&tarred("x.txt", t("b8").as_bytes())));
    yes("p-1.0-py3-none-any.whl", zipped("p/settings.py", format!("PASSWORD = '{}'\n", human("b9")).as_bytes()));
    yes("a.jar", zipped("application.properties", format!("db.password={}\n", human("b10")).as_bytes()));
    yes("deep.tgz", gzip(&tarred("inner.zip", &zipped("deep/x.py", t("b11").as_bytes()))));
    yes("native.bin", [&[0, 1, 2, 3][..], t("b12").as_bytes(), &[0, 9]].concat());
    // where others skip
    yes("icon.svg", format!("<svg><!-- {} --></svg>", t("s1")).into());
    yes("node_modules/x/index.js", format!("const k = '{}'\n", t("s2")).into());
    yes(
        "package-lock.json",
        format!("{{\"resolved\": \"https://ci:{}@npm.corp.net/x.tgz\"}}", fill("{alnum:24}", "s3")).into(),
    );
    yes("poetry.lock", format!("url = \"https://ci:{}@pypi.corp.net/simple\"\n", fill("{alnum:24}", "s4")).into());
    yes("app.min.js", format!("!function(){{var a=1;{}var k=\"{}\"}}()", "x(1);".repeat(200), t("s5")).into());
    yes("tests/test_a.py", format!("k = '{}'\n", t("s6")).into());
    yes("docs/a.md", format!("use `{}`\n", t("s7")).into());
    yes("change.patch", format!("--- a\n+++ b\n-password = '{}'\n", human("s8")).into());
    yes("vendor/lib/config.php", format!("define('DB_PASSWORD', '{}');\n", human("s9")).into());
    // files of settings
    yes(".github/workflows/ci.yml", format!("env:\n  API_TOKEN: {}\n", fill("{hex:40}", "c1")).into());
    yes(".gitlab-ci.yml", format!("variables:\n  DEPLOY_PASSWORD: \"{}\"\n", human("c2")).into());
    yes("login.sh", format!("docker login -u ci -p {} registry.corp.net\n", fill("{alnum:16}", "c3")).into());
    yes("env/Dockerfile", format!("FROM x\nENV DB_PASSWORD={}\n", human("c4")).into());
    yes("arg/Dockerfile", format!("FROM x\nARG NPM_TOKEN={}\n", fill("{alnum:36}", "c5")).into());
    yes("docker-compose.yml", format!("environment:\n  - MYSQL_PASSWORD={}\n", human("c6")).into());
    let dsn = format!("postgresql://app:{}@db.corp.net/app", fill("{alnum:12}", "c7"));
    yes(
        "crash.log",
        format!(
            "Traceback (most recent call last):\n  File \"a.py\", line 1\nOperationalError: cannot connect to {dsn}\n"
        )
        .into(),
    );
    yes("folded.yml", format!("db:\n  password: >-\n    {}\n", human("c8")).into());
    yes("literal.yml", format!("db:\n  password: |\n    {}\n", human("c9")).into());
    yes("settings.py", format!("SECRET_KEY = 'django-insecure-{}'\n", fill("{lowernum:50}", "c10")).into());
    yes(".env", format!("DB_PASSWORD={}\n", human("c11")).into());
    yes(".netrc", format!("machine h login ci password {}\n", human("c12")).into());
    yes(".pypirc", format!("[pypi]\nusername = ci\npassword = {}\n", human("c13")).into());
    yes("pip.conf", format!("[global]\nindex-url = https://ci:{}@pypi.corp.net/simple\n", human("c14")).into());
    yes(".npmrc", format!("//npm.corp.net/:_authToken={}\n", fill("{alnum:36}", "c15")).into());
    let auth = b64(&format!("ci:{}", fill("{alnum:16}", "c16")));
    yes(".docker/config.json", format!("{{\"auths\": {{\"r.corp.net\": {{\"auth\": \"{auth}\"}}}}}}").into());
    yes("kubeconfig", format!("users:\n- user:\n    client-key-data: {}\n", b64(&pem("c17"))).into());
    yes("main.tf", format!("provider \"x\" {{\n  password = \"{}\"\n}}\n", human("c18")).into());
    yes(".git-credentials", format!("https://ci:{}@git.corp.net\n", fill("{alnum:20}", "c19")).into());
    yes(".pgpass", format!("db.corp.net:5432:app:svc:{}\n", human("c20")).into());
    yes("README.md", format!("curl -u ci:{} https://h.corp.net\n", fill("{alnum:14}", "c21")).into());
    yes("request.http", format!("Authorization: Basic {}\n", b64(&format!("svc:{}", human("c22")))).into());
    yes("appsettings.json", format!("{{\"c\": \"Server=db;User Id=sa;Password={};\"}}", human("c23")).into());
    yes("windows.ini", format!("[db]\r\npassword={}\r\n", human("c24")).into());
    yes("id_ed25519", fill("{pem:OPENSSH PRIVATE KEY}", "c25").into());
    yes("no_extension", format!("api_key: {}\n", fill("{hex:32}", "c26")).into());
    // look-alikes
    let mut no = |path: &'static str, content: String| files.push((path, content.into(), false));
    no("l/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n".to_owned() + &fill("{digit:80}\n{digit:80}\n", "v"));
    no("l/sealed.yaml", fill("kind: SealedSecret\nspec:\n  encryptedData:\n    password: AgB{b64:200}\n", "v"));
    no("l/sops.yaml", fill("password: ENC[AES256_GCM,data:{b64:20},iv:{b64:43}=,tag:{b64:22}==,type:str]\n", "v"));
    no("l/.env.example", "DB_PASSWORD=changeme\nAPI_KEY=your-api-key-here\nTOKEN=<your-token>\n".to_owned());
    no("l/settings.py", "SECRET_KEY = os.environ['SECRET_KEY']\nPASSWORD = get_secret('db-password')\n".to_owned());
    no("l/values.yaml", "existingSecret: app-db\npassword: \"{{ .Values.db.password }}\"\n".to_owned());
    no(
        "l/deploy.yml",
        "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db-credentials\n      key: password\n"
            .to_owned(),
    );
    no("l/package-lock.json", fill("{\"integrity\": \"sha512-{b64:86}==\"}\n", "v"));
    no("l/go.sum", fill("github.com/x/token v1.0.0 h1:{b64:43}=\n", "v"));
    no("l/cert.pem", fill("{pem:CERTIFICATE}\n", "v"));
    no("l/id_rsa.pub", fill("ssh-rsa AAAAB3NzaC1yc2E{b64:350} user@host\n", "v"));
    no("l/hashes.txt", fill("{hex:64}  token.tar.gz\n{hex:40}  secret.zip\n", "v"));
    no("l/ids.py", fill("request_id = '{uuid}'\nobject_id = '{hex:24}'\ncommit = '{hex:40}'\n", "v"));
    no(
        "l/shadow.py",
        fill("password = '$2b$12${alnum:53}'\nPASSWORD_HASH = 'pbkdf2_sha256$260000${alnum:12}${b64:43}='\n", "v"),
    );
    no(
        "l/aws.md",
        [
            "aws_access_key_id = AKIA",
            "IOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY",
            "EXAMPLEKEY\n",
        ]
        .concat(),
    );
    no(
        "l/form.html",
        "<label>Password:</label> <input type=\"password\" name=\"password\" placeholder=\"Your password\">\n"
            .to_owned(),
    );
    no(
        "l/types.ts",
        "interface Login { password: string; token?: string }\nconst password = req.body.password;\n".to_owned(),
    );
    no("l/de.json", "{\"password\": \"Neues Passwort eingeben\", \"token\": \"Zugangsschlüssel\"}\n".to_owned());
    no("l/app.min.js", format!("{}a.token=b,c.password=d.value,e={{token:f,key:\"value\"}}", "x(1);".repeat(200)));
    no("l/page.html", fill("<script src=\"/a.js\" integrity=\"sha384-{b64:64}\" crossorigin></script>\n", "v"));
    no("l/image.md", fill("![x](data:image/png;base64,iVBORw0KGgo{b64:300})\n", "v"));
    no("l/url.md", "see https://github.com/@user and postgres://user:password@localhost/db\n".to_owned());
    no("l/salt.py", fill("salt = '{hex:32}'\nnonce = '{b64:16}'\niv = '{hex:32}'\n", "v"));
    no("l/ci.yml", "env:\n  TOKEN: ${{ secrets.TOKEN }}\n  PASSWORD: $CI_PASSWORD\n".to_owned());
    let full_text = database("CREATE VIRTUAL TABLE t USING fts5(title, body)", false, ["title", "words"]);
    files.push(("l/full_text.sqlite", full_text, false));
    files
}

fn notebook(source: &[&str], output: &[&str]) -> Vec<u8> {
    let array = |lines: &[&str]| lines.iter().map(|line| format!("    \"{line}\"")).collect::<Vec<_>>().join(",\n");
    format!(
        "{{\n \"cells\": [\n  {{\"cell_type\": \"code\",\n   \"source\": [\n{}\n   ],\n   \"outputs\": [{{\"output_type\": \"stream\", \"text\": [\n{}\n   ]}}]}}\n ], \"nbformat\": 4\n}}\n",
        array(source),
        array(output)
    )
    .into()
}

/// Places of the report: path or kind of place, and the confidence of what was found there.
fn places(report: &Value) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for finding in of_kind(report, "secret") {
        for place in finding["occurrences"].as_array().unwrap() {
            let name = place["path"].as_str().or(place["place"].as_str()).unwrap_or_default().to_owned();
            let rule = format!("{} {} {}", finding["rule"], finding["confidence"], finding["evidence"]);
            places.insert(name, rule);
        }
    }
    places
}

#[test]
fn files_of_all_kinds() {
    let world = World::new();
    let root = world.path("repository");
    std::fs::create_dir_all(&root).unwrap();
    git(&root, &["init", "-q"]);
    let files = files();
    for (path, content, _) in &files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    git(&root, &["add", "-f", "."]);
    git(&root, &["commit", "-q", "-m", "all"]);
    let report = world.scan(root.to_str().unwrap(), &["--only", "secrets", "--format", "json", "--exit-zero"]).report();
    let found = places(&report);
    let missed: Vec<_> =
        files.iter().filter(|(path, _, secret)| *secret && !found.contains_key(*path)).map(|file| file.0).collect();
    let alarms: Vec<_> =
        files.iter().filter(|file| !file.2).filter_map(|(path, ..)| Some((path, found.get(*path)?))).collect();
    assert!(missed.is_empty() && alarms.is_empty(), "missed: {missed:#?}\nfalse alarms: {alarms:#?}");
    let gaps: Vec<_> = report["diagnostics"].as_array().unwrap().iter().filter(|said| said["gap"] == true).collect();
    assert!(gaps.is_empty(), "{gaps:#?}");
    let pem: Vec<_> = of_kind(&report, "secret")
        .into_iter()
        .filter(|finding| finding["occurrences"].as_array().unwrap().iter().any(|place| place["path"] == "pem.ipynb"))
        .collect();
    assert_eq!(pem.len(), 1, "a key split over an array is one secret: {pem:#?}");
}

fn commit(root: &Path, path: &str, content: &str, message: &str) {
    std::fs::write(root.join(path), content).unwrap();
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "--allow-empty", "-m", message]);
}

#[test]
fn places_that_only_git_knows() {
    let world = World::new();
    let root = world.path("repository");
    std::fs::create_dir_all(&root).unwrap();
    git(&root, &["init", "-q"]);
    commit(&root, "a.txt", "base\n", "base");
    commit(&root, "deleted.txt", &token("g1"), "deleted");
    git(&root, &["rm", "-q", "deleted.txt"]);
    commit(&root, ".gitattributes", "quiet.txt -diff\n", "attributes");
    commit(&root, "quiet.txt", &token("g2"), "quiet");
    git(&root, &["checkout", "-q", "-b", "side"]);
    commit(&root, "b.txt", "side\n", "side");
    git(&root, &["checkout", "-q", "main"]);
    commit(&root, "c.txt", "main\n", "main");
    git(&root, &["merge", "-q", "--no-commit", "--no-ff", "side"]);
    commit(&root, "evil.txt", &token("g3"), "merge");
    for (path, seed) in [("stash-old.txt", "g4"), ("stash-new.txt", "g5")] {
        std::fs::write(root.join(path), token(seed)).unwrap();
        git(&root, &["stash", "-q", "-u"]);
    }
    git(&root, &["notes", "add", "-m", &format!("note {}", token("g6"))]);
    commit(&root, "a.txt", "more\n", &format!("use\n\n{}", token("g7")));
    let author = format!("{} <a@example.org>", token("g8"));
    git(&root, &["commit", "-q", "--allow-empty", "--author", &author, "-m", "author"]);
    git(&root, &["tag", "-a", "v1", "-m", &format!("release {}", token("g9"))]);
    git(&root, &["tag", &format!("light-{}", token("g10"))]);
    git(&root, &["branch", &format!("try-{}", token("g11"))]);
    git(&root, &["checkout", "-q", "-b", "topic"]);
    commit(&root, "pulled.txt", &token("g12"), "pulled");
    git(&root, &["update-ref", "refs/pull/1/head", "HEAD"]);
    git(&root, &["checkout", "-q", "main"]);
    git(&root, &["branch", "-q", "-D", "topic"]);
    std::fs::create_dir_all(root.join(token("g13"))).unwrap();
    commit(&root, &format!("{}/x.txt", token("g13")), "x", "directory");
    commit(&root, &format!("{}.txt", token("g14")), "x", "file");
    commit(&root, "forced.txt", &token("g15"), "forced");
    let mirror = world.path("mirror.git");
    git(world.root.path(), &["clone", "-q", "--mirror", root.to_str().unwrap(), mirror.to_str().unwrap()]);
    git(&root, &["reset", "-q", "--hard", "HEAD~1"]);
    commit(&root, "a.txt", "after the push\n", "after");
    git(&mirror, &["-c", "protocol.file.allow=always", "fetch", "-q", "--prune", "origin"]);

    let told = |path: &Path| {
        let report =
            world.scan(path.to_str().unwrap(), &["--only", "secrets", "--format", "json", "--exit-zero"]).report();
        let mut told: Vec<String> = places(&report).into_keys().collect();
        told.sort();
        (told, of_kind(&report, "secret").len())
    };
    let (here, count) = told(&root);
    for place in ["deleted.txt", "quiet.txt", "evil.txt", "stash-old.txt", "stash-new.txt", "pulled.txt", "forced.txt"]
    {
        assert!(here.iter().any(|told| told == place), "{place} is not among {here:#?}");
    }
    for place in ["commit message", "author or committer name", "tag message", "ref name"] {
        assert!(here.iter().any(|told| told.contains(place)), "{place} is not among {here:#?}");
    }
    assert_eq!(count, 15, "{here:#?}");
    let (there, _) = told(&mirror);
    assert!(there.iter().any(|told| told == "forced.txt"), "what a force-push left in a mirror: {there:#?}");
}

#[test]
fn what_is_elsewhere_is_said() {
    let world = World::new();
    let inner = world.path("inner");
    std::fs::create_dir_all(&inner).unwrap();
    git(&inner, &["init", "-q"]);
    commit(&inner, "a.txt", "x", "inner");
    let root = world.path("repository");
    std::fs::create_dir_all(&root).unwrap();
    git(&root, &["init", "-q"]);
    git(&root, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.to_str().unwrap(), "sub"]);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", "ab".repeat(32));
    commit(&root, "model.bin", &pointer, "lfs");
    let answer = world.scan(root.to_str().unwrap(), &["--only", "secrets", "--format", "json", "--exit-zero"]).report();
    let said = answer["diagnostics"].to_string();
    assert!(said.contains("submodule") && said.contains("LFS"), "{said}");
    // what cannot be unpacked is a gap: nobody may take it for looked at
    std::fs::write(root.join("damaged.zip"), &zipped("a.txt", &[7; 4000])[..60]).unwrap();
    git(&root, &["add", "damaged.zip"]);
    git(&root, &["commit", "-q", "-m", "damaged"]);
    let answer = world.scan(root.to_str().unwrap(), &["--only", "secrets", "--format", "json"]);
    assert_eq!((answer.code, answer.report()["complete"].as_bool()), (3, Some(false)));
    assert!(answer.report()["diagnostics"].to_string().contains("damaged.zip"));
}
