//! Applications that answer requests: the exploit works before the patch and fails after it, and
//! a legitimate request is answered the same.

use crate::support::python::{Flask, Python};
use crate::support::site::Site;

/// One small application, `app` in a module of its own.
struct Case {
    name: &'static str,
    control: &'static str,
    /// What stands behind the common head.
    body: &'static str,
    /// A request as `METHOD path`, for uploads with the name of the file behind it.
    legitimate: &'static str,
    exploit: &'static str,
    /// What the exploit's answer holds when it works; for uploads, the file that appears.
    leak: &'static str,
}

/// `inside/` is the folder that is meant, `outside.txt` and `inside-private/` are not.
const HEAD: &str = "import os\nfrom pathlib import Path\n\nfrom flask import Flask, abort, make_response, render_template_string, request, send_file, send_from_directory\nfrom jinja2 import Template\nfrom markupsafe import Markup, escape\n\napp = Flask(__name__)\nHERE = os.path.dirname(os.path.abspath(__file__))\nBASE = os.path.join(HERE, \"inside\")\n\n\n";

const OUTSIDE: &str = "OUTSIDE-CONTENT";
const TAG: &str = "<script>";

const FILES: &[Case] = &[
    Case {
        name: "send_joined",
        control: "send-file-path",
        body: "@app.route('/f')\ndef f():\n    return send_file(os.path.join(BASE, request.args['n']), as_attachment=True)\n",
        legitimate: "GET /f?n=a.txt",
        exploit: "GET /f?n=../outside.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "send_formatted",
        control: "send-file-path",
        body: "@app.route('/f')\ndef f():\n    name = request.args.get('n', '')\n    path = f\"{BASE}/{name}.txt\"\n    return send_file(path, 'text/plain')\n",
        legitimate: "GET /f?n=a",
        exploit: "GET /f?n=../outside",
        leak: OUTSIDE,
    },
    Case {
        name: "send_relative",
        control: "send-file-path",
        body: "@app.route('/f/<path:name>')\ndef f(name):\n    return send_file('inside/' + name)\n",
        legitimate: "GET /f/sub/b.txt",
        exploit: "GET /f/../outside.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "send_two_levels",
        control: "send-file-path",
        body: "@app.route('/f')\ndef f():\n    user = request.args['u']\n    return send_file(os.path.join(BASE, user, request.args['n']))\n",
        legitimate: "GET /f?u=sub&n=b.txt",
        exploit: "GET /f?u=sub&n=../../outside.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "send_path_object",
        control: "send-file-path",
        body: "@app.route('/f')\ndef f():\n    return send_file(Path(BASE) / request.args['n'])\n",
        legitimate: "GET /f?n=a.txt",
        exploit: "GET /f?n=../outside.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "open_inline",
        control: "file-open",
        body: "@app.route('/f')\ndef f():\n    with open(os.path.join(BASE, request.args['n'])) as source:\n        return {'text': source.read()}\n",
        legitimate: "GET /f?n=a.txt",
        exploit: "GET /f?n=../outside.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "open_assigned",
        control: "file-open",
        body: "@app.route('/f')\ndef f():\n    target = '%s/%s' % (BASE, request.args['n'])\n    return {'text': open(target).read()}\n",
        legitimate: "GET /f?n=sub/b.txt",
        exploit: "GET /f?n=sub/../../outside.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "read_text",
        control: "file-open",
        body: "@app.route('/f')\ndef f():\n    return {'text': (Path(BASE) / request.args['n']).read_text()}\n",
        legitimate: "GET /f?n=a.txt",
        exploit: "GET /f?n=../outside.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "weak_prefix",
        control: "filename-containment",
        body: "@app.route('/f')\ndef f():\n    full = os.path.realpath(os.path.join(BASE, request.args['n']))\n    if not full.startswith(BASE):\n        abort(404)\n    return {'text': open(full).read()}\n",
        legitimate: "GET /f?n=a.txt",
        exploit: "GET /f?n=../inside-private/p.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "chosen_directory",
        control: "send-directory-base",
        body: "@app.route('/f')\ndef f():\n    return send_from_directory(os.path.join(BASE, request.args['d']), request.args['n'])\n",
        legitimate: "GET /f?d=sub&n=b.txt",
        exploit: "GET /f?d=..&n=outside.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "upload_inline",
        control: "upload-filename",
        body: "@app.route('/u', methods=['POST'])\ndef u():\n    upload = request.files['file']\n    upload.save(os.path.join(BASE, upload.filename))\n    return {'stored': True}\n",
        legitimate: "POST /u new.txt",
        exploit: "POST /u ../planted_inline.txt",
        leak: "planted_inline.txt",
    },
    Case {
        name: "upload_assigned",
        control: "upload-filename",
        body: "@app.route('/u', methods=['POST'])\ndef u():\n    upload = request.files['file']\n    name = upload.filename\n    upload.save(os.path.join(BASE, name))\n    return {'stored': True}\n",
        legitimate: "POST /u other.txt",
        exploit: "POST /u ../planted_assigned.txt",
        leak: "planted_assigned.txt",
    },
    Case {
        name: "link_unpacked",
        control: "send-directory-links",
        body: "LINK = os.path.join(BASE, \"link_unpacked.txt\")\nif not os.path.lexists(LINK):\n    os.symlink(os.path.join(HERE, \"outside.txt\"), LINK)\n\n\n@app.route('/unpack', methods=['POST'])\ndef unpack():\n    import shutil\n\n    shutil.unpack_archive('upload.tar', BASE)\n    return {}\n\n\n@app.route('/f/<path:name>')\ndef f(name):\n    return send_from_directory(BASE, name)\n",
        legitimate: "GET /f/sub/b.txt",
        exploit: "GET /f/link_unpacked.txt",
        leak: OUTSIDE,
    },
    Case {
        name: "upload_shown",
        control: "extension-allowlist",
        body: "@app.route('/u', methods=['POST'])\ndef u():\n    from werkzeug.utils import secure_filename\n\n    upload = request.files['file']\n    name = secure_filename(upload.filename)\n    upload.save(os.path.join(BASE, name))\n    return {'stored': name}\n\n\n@app.route('/f/<name>')\ndef f(name):\n    return send_from_directory(BASE, name)\n",
        legitimate: "POST /u picture.png",
        exploit: "POST /u page.html",
        leak: "page.html",
    },
];

const TEMPLATES: &[Case] = &[
    Case {
        name: "template_fstring",
        control: "template-injection",
        body: "@app.route('/t')\ndef t():\n    name = request.args['n']\n    return render_template_string(f\"<h1>Hi {name}!</h1>\")\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n={{7*191}}",
        leak: "1337",
    },
    Case {
        name: "template_percent",
        control: "template-injection",
        body: "@app.route('/t')\ndef t():\n    return render_template_string(\"<h1>%s</h1>\" % escape(request.args['n']))\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n={{7*191}}",
        leak: "1337",
    },
    Case {
        name: "template_format",
        control: "template-injection",
        body: "@app.route('/t')\ndef t():\n    template = \"<h1>{}</h1>{{% if 1 %}}yes{{% endif %}}\".format(request.args['n'])\n    return render_template_string(template)\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n={{7*191}}",
        leak: "1337",
    },
    Case {
        name: "template_added",
        control: "template-injection",
        body: "@app.route('/t')\ndef t():\n    return Template('<p>' + request.args['n'] + '</p>').render()\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n={{7*191}}",
        leak: "1337",
    },
    Case {
        name: "html_fstring",
        control: "html-response",
        body: "@app.route('/t')\ndef t():\n    return f\"<p>{request.args['n']}</p>\"\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n=<script>",
        leak: TAG,
    },
    Case {
        name: "html_percent",
        control: "html-response",
        body: "@app.route('/t')\ndef t():\n    return '<p>%s</p>' % request.args['n'], 200\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n=<script>",
        leak: TAG,
    },
    Case {
        name: "html_format",
        control: "html-response",
        body: "@app.route('/t')\ndef t():\n    return make_response('<p>{0}</p>'.format(request.args['n']))\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n=<script>",
        leak: TAG,
    },
    Case {
        name: "html_added",
        control: "html-response",
        body: "@app.route('/t')\ndef t():\n    html = '<p>' + request.args['n']\n    html += '</p>'\n    return html\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n=<script>",
        leak: TAG,
    },
    Case {
        name: "html_whole",
        control: "html-response",
        body: "@app.route('/t')\ndef t():\n    return request.args['n']\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n=<script>",
        leak: TAG,
    },
    Case {
        name: "markup_fstring",
        control: "markup-input",
        body: "@app.route('/t')\ndef t():\n    html = Markup(f\"<b>{request.args['n']}</b>\")\n    return render_template_string('{{ html }}', html=html)\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n=<script>",
        leak: TAG,
    },
    Case {
        name: "markup_whole",
        control: "markup-input",
        body: "@app.route('/t')\ndef t():\n    html = Markup(request.args['n'])\n    return render_template_string('{{ html }}', html=html)\n",
        legitimate: "GET /t?n=Ann",
        exploit: "GET /t?n=<script>",
        leak: TAG,
    },
];

/// Sends every case's two requests and prints a line each: name, which, status, body in hex.
const DRIVER: &str = r#"
import importlib, io, os, sys
sys.path.insert(0, os.getcwd())
for line in open("requests.txt", encoding="utf-8"):
    name, which, method, path, *upload = line.rstrip("\n").split(" ")
    client = importlib.import_module(name).app.test_client()
    path, _, query = path.partition("?")
    options = {"query_string": query.replace("{", "%7B").replace("}", "%7D")}
    if upload:
        options["data"] = {"file": (io.BytesIO(b"x"), upload[0])}
        options["content_type"] = "multipart/form-data"
    try:
        response = client.open(path, method=method, **options)
        status, body = response.status_code, response.get_data()
    except Exception as error:
        status, body = 500, repr(error).encode()
    if upload and os.path.exists(os.path.basename(upload[0])):
        body += os.path.basename(upload[0]).encode()
        os.remove(os.path.basename(upload[0]))
    print(name, which, status, body.hex())
"#;

struct Answer {
    status: u16,
    body: String,
}

/// The answers to both requests of every case, in order.
fn answers(python: &Python, site: &Site) -> Vec<(Answer, Answer)> {
    let output = python.run(site.path(), DRIVER);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let mut answers = printed.lines().map(|line| {
        let mut words = line.split(' ').skip(2);
        let status = words.next().expect("a status").parse().expect("a number");
        let hex = words.next().unwrap_or_default();
        let bytes = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16));
        let bytes: Vec<u8> = bytes.map(|byte| byte.expect("hex")).collect();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status, body }
    });
    let mut pairs = Vec::new();
    while let (Some(legitimate), Some(exploit)) = (answers.next(), answers.next()) {
        pairs.push((legitimate, exploit));
    }
    pairs
}

fn site(cases: &[Case]) -> Site {
    let site = Site::new([
        ("inside/a.txt", "inside"),
        ("inside/sub/b.txt", "deeper"),
        ("inside-private/p.txt", OUTSIDE),
        ("outside.txt", OUTSIDE),
        ("requirements.txt", "flask\n"),
    ]);
    let mut requests = String::new();
    for case in cases {
        site.write(
            &format!("{}.py", case.name),
            &format!("{HEAD}{}", case.body),
        );
        requests += &format!("{} legitimate {}\n", case.name, case.legitimate);
        requests += &format!("{} exploit {}\n", case.name, case.exploit);
    }
    site.write("requests.txt", &requests);
    site
}

fn prove(cases: &[Case], flasks: &[Flask]) {
    let before = site(cases);
    let mut controls: Vec<&str> = cases.iter().map(|case| case.control).collect();
    controls.sort_unstable();
    controls.dedup();
    let after = before.patched(&controls);
    for flask in flasks {
        let python = Python::with(*flask);
        let old = answers(&python, &before);
        let new = answers(&python, &after);
        assert_eq!(old.len(), cases.len());
        for ((case, old), new) in cases.iter().zip(old).zip(new) {
            let what = format!(
                "{} on Flask {}\n{}",
                case.name,
                flask.version(),
                after.read(&format!("{}.py", case.name))
            );
            assert_eq!(
                old.0.status, 200,
                "legitimate before: {} {what}",
                old.0.body
            );
            assert!(
                old.1.body.contains(case.leak),
                "exploit before: {} {what}",
                old.1.body
            );
            assert_eq!(new.0.status, 200, "legitimate after: {} {what}", new.0.body);
            assert_eq!(old.0.body, new.0.body, "legitimate differs: {what}");
            assert!(!new.1.body.contains(case.leak), "exploit after: {what}");
        }
    }
}

#[test]
fn files_outside_are_out_of_reach() {
    prove(FILES, &[Flask::V3_1, Flask::V2_2]);
}

#[test]
fn templates_and_markup_do_not_run_values() {
    prove(TEMPLATES, &[Flask::V3_1, Flask::V2_2]);
}

#[test]
#[ignore = "slower: older releases"]
fn the_same_on_older_releases() {
    let older = [Flask::V1_1, Flask::V2_0, Flask::V2_3, Flask::V3_0];
    prove(FILES, &older);
    prove(TEMPLATES, &older);
}
