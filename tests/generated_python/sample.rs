//! The bundled sample application: its own tests pass before and after the safe patches, and
//! what an attacker does works before and not after.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use flask_harden::session::Session;
use flask_harden::strategies::Answers;

use crate::support::python::{Flask, Python};
use crate::support::site::Site;

/// Prints the names of the attacks that succeed.
const ATTACKS: &str = r#"
import io, os, tempfile
from fieldnotes import create_app

folder = tempfile.mkdtemp()
for name in ("uploads", "exports", "exports-private"):
    os.mkdir(os.path.join(folder, name))
open(os.path.join(folder, "outside.txt"), "w").write("MARKER")
open(os.path.join(folder, "exports-private", "a.csv"), "w").write("MARKER")

app = create_app("testing")
app.config.update(
    DATABASE=os.path.join(folder, "test.db"),
    UPLOAD_FOLDER=os.path.join(folder, "uploads"),
    EXPORT_FOLDER=os.path.join(folder, "exports"),
)
client = app.test_client()
account = {"email": "mallory@example.org", "password": "correct horse"}
client.post("/register", data=account)
client.post("/login", data=account)
script = "<script>alert(1)</script>"
worked = []

def text(response):
    return response.get_data(as_text=True)

if "MARKER" in text(client.get("/files/download/../outside.txt")):
    worked.append("download")
if "MARKER" in text(client.get("/files/export?name=../exports-private/a.csv")):
    worked.append("export")
data = {"file": (io.BytesIO(b"x"), "../planted.txt")}
client.post("/files/upload", data=data, content_type="multipart/form-data")
if os.path.exists(os.path.join(folder, "planted.txt")):
    worked.append("upload")
if script in text(client.get("/hello", query_string={"name": script})):
    worked.append("hello")
client.post("/notes", data={"title": "t", "body": "b"})
if script in text(client.get("/notes/1", query_string={"highlight": script})):
    worked.append("highlight")
print(*worked)
"#;

#[test]
fn the_sample_keeps_working_and_attacks_stop() {
    for flask in [Flask::V2_2, Flask::V3_1] {
        let python = Python::with(flask);
        let sample = sample();
        own_tests_pass(&python, &sample);
        assert_eq!(
            attacks(&python, &sample),
            "download export upload hello highlight"
        );
        let patched = with_safe_patches(&sample);
        own_tests_pass(&python, &patched);
        assert_eq!(attacks(&python, &patched), "", "Flask {}", flask.version());
    }
}

fn sample() -> Site {
    let site = Site::new([]);
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    copy(&from, "", &site);
    site
}

fn copy(folder: &Path, inside: &str, site: &Site) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        let inside = match inside {
            "" => name.into_owned(),
            inside => format!("{inside}/{name}"),
        };
        match path.is_dir() {
            true => copy(&path, &inside, site),
            false => site.write(&inside, &fs::read_to_string(&path).unwrap()),
        }
    }
}

fn with_safe_patches(sample: &Site) -> Site {
    let session = Session::scan(sample.path(), Answers::default(), |_| {}).unwrap();
    let chosen: BTreeSet<String> = session
        .assessment
        .findings
        .iter()
        .map(|found| found.fingerprint.clone())
        .filter(|fingerprint| session.offer(fingerprint).unwrap().is_preselected())
        .collect();
    let preview = session.preview(&chosen);
    assert_eq!(preview.refused, []);
    session.write(&preview).unwrap();
    let patched = Site::new([]);
    copy(sample.path(), "", &patched);
    patched
}

fn own_tests_pass(python: &Python, site: &Site) {
    let mut pytest = python.program("python");
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    let output = pytest.current_dir(site.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

fn attacks(python: &Python, site: &Site) -> String {
    let output = python.run(site.path(), ATTACKS);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
