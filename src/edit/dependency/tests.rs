use std::str::FromStr as _;

use pep440_rs::Version;

use super::*;
use crate::finding::PatchKind;

fn applied(repo: &Repository, edits: &[Edit], path: &str) -> String {
    let mut changes: Vec<_> = edits
        .iter()
        .filter_map(|edit| match edit {
            Edit::Replace {
                path: at,
                span,
                text,
            } if **at == *path => Some((*span, text.clone())),
            _ => None,
        })
        .collect();
    changes.sort();
    let mut out = repo.file(path).unwrap().text.as_str().to_owned();
    for (span, text) in changes.into_iter().rev() {
        out.replace_range(span.start..span.end, &text);
    }
    out
}

fn ensured(path: &str, source: &str, wanted: &[&str]) -> String {
    let repo = Repository::from_texts([(path, source)]);
    let deps = Dependencies::read(&repo);
    let wanted: Vec<Wanted<'_>> = wanted
        .iter()
        .map(|requirement| Wanted {
            folder: None,
            requirement,
        })
        .collect();
    let change = ensure(&repo, &deps, &wanted).unwrap();
    applied(&repo, &change.edits, path)
}

fn bumped(texts: &[(&str, &str)], name: &str, to: &str, path: &str) -> (String, Vec<String>) {
    let repo = Repository::from_texts(texts.iter().copied());
    let deps = Dependencies::read(&repo);
    let change = bump(&deps, name, &Version::from_str(to).unwrap()).unwrap();
    (applied(&repo, &change.edits, path), change.follow_ups)
}

#[test]
fn requirement_lines_keep_their_habits() {
    let gunicorn = &["gunicorn>=23.0.0"][..];
    for (before, after) in [
        // Pinned and sorted.
        (
            "click==8.1.8\nFlask==3.1.3\nWerkzeug==3.1.9\n",
            "click==8.1.8\nFlask==3.1.3\ngunicorn==23.0.0\nWerkzeug==3.1.9\n",
        ),
        // Not sorted; carriage returns; no final newline; options behind.
        (
            "flask\r\nclick\r\nalembic",
            "flask\r\nclick\r\nalembic\r\ngunicorn>=23.0.0",
        ),
        (
            "flask\nalembic\n# end\n-e .\n",
            "flask\nalembic\ngunicorn>=23.0.0\n# end\n-e .\n",
        ),
        (
            "flask ~= 3.1.3  # web\n",
            "flask ~= 3.1.3  # web\ngunicorn ~= 23.0.0\n",
        ),
        // Named already.
        (
            "flask==3.1.3\ngunicorn==27.0.1\n",
            "flask==3.1.3\ngunicorn==27.0.1\n",
        ),
        (
            "flask==3.1.3\ngunicorn==20.0.0\n",
            "flask==3.1.3\ngunicorn==23.0.0\n",
        ),
        ("", "gunicorn>=23.0.0\n"),
    ] {
        assert_eq!(ensured("requirements.txt", before, gunicorn), after);
    }
}

#[test]
fn several_packages_go_to_one_place() {
    assert_eq!(
        ensured(
            "requirements.txt",
            "flask\nclick\n",
            &["redis>=5.0", "flask-session[redis]>=0.8.0", "redis>=5.0"]
        ),
        "flask\nclick\nflask-session[redis]>=0.8.0\nredis>=5.0\n"
    );
    assert_eq!(
        ensured(
            "requirements.txt",
            "flask-session==0.8.0\n",
            &["flask-session[redis]>=0.8.0"]
        ),
        "flask-session[redis]==0.8.0\n"
    );
}

#[test]
fn arrays_tables_and_lists_take_packages() {
    let wanted = &["gunicorn>=23.0.0"][..];
    for (path, before, after) in [
        (
            "pyproject.toml",
            "[project]\ndependencies = [\n    \"Flask~=3.1.2\",  # web\n    \"WTForms~=3.2.1\",]\n\n[project.urls]\n",
            "[project]\ndependencies = [\n    \"Flask~=3.1.2\",  # web\n    \"WTForms~=3.2.1\",\n    \"gunicorn~=23.0.0\",]\n\n[project.urls]\n",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\npython = '^3.9'\nflask = '^3.1'\n\n[tool.x]\n",
            "[tool.poetry.dependencies]\npython = '^3.9'\nflask = '^3.1'\ngunicorn = '^23.0.0'\n\n[tool.x]\n",
        ),
        (
            "Pipfile",
            "[packages]\nflask = \"*\"\n\n[dev-packages]\n",
            "[packages]\nflask = \"*\"\ngunicorn = \">=23.0.0\"\n\n[dev-packages]\n",
        ),
        (
            "setup.cfg",
            "[options]\ninstall_requires = \n\tflask==3.1.3\n\tredis==7.4.0\n\n[x]\n",
            "[options]\ninstall_requires = \n\tflask==3.1.3\n\tredis==7.4.0\n\tgunicorn==23.0.0\n\n[x]\n",
        ),
        (
            "setup.py",
            "from setuptools import setup\nsetup(install_requires=['rq>=1.0', 'Flask', 'arrow'], x=1)\n",
            "from setuptools import setup\nsetup(install_requires=['rq>=1.0', 'Flask', 'arrow', 'gunicorn>=23.0.0'], x=1)\n",
        ),
        (
            "environment.yml",
            "dependencies:\n  - flask=3.1\n  - pip:\n    - redis==5.0\n    - rq==1.0\n",
            "dependencies:\n  - flask=3.1\n  - pip:\n    - redis==5.0\n    - rq==1.0\n    - gunicorn==23.0.0\n",
        ),
    ] {
        assert_eq!(ensured(path, before, wanted), after);
    }
    assert_eq!(
        ensured(
            "pyproject.toml",
            "[tool.poetry.dependencies]\nflask = \"3.1.3\"\n",
            &["flask-session[redis]>=0.8.0"]
        ),
        "[tool.poetry.dependencies]\nflask = \"3.1.3\"\nflask-session = {version = \"0.8.0\", extras = [\"redis\"]}\n"
    );
}

#[test]
fn the_source_of_a_generated_file_takes_packages() {
    let generated = "# This file is autogenerated by pip-compile with Python 3.11\n#    pip-compile requirements.in\nflask==3.1.3\n";
    let repo = Repository::from_texts([
        ("requirements.in", "flask\n"),
        ("requirements.txt", generated),
    ]);
    let deps = Dependencies::read(&repo);
    let wanted = Wanted {
        folder: None,
        requirement: "gunicorn>=23.0.0",
    };
    let change = ensure(&repo, &deps, &[wanted]).unwrap();
    assert_eq!(
        applied(&repo, &change.edits, "requirements.in"),
        "flask\ngunicorn>=23.0.0\n"
    );
    assert_eq!(applied(&repo, &change.edits, "requirements.txt"), generated);
}

#[test]
fn hashed_lists_are_left_to_a_person() {
    let repo = Repository::from_texts([("requirements.txt", "flask==3.1.2 --hash=sha256:aa\n")]);
    let deps = Dependencies::read(&repo);
    let wanted = Wanted {
        folder: None,
        requirement: "gunicorn>=23.0.0",
    };
    let manual = ensure(&repo, &deps, &[wanted]).unwrap_err();
    assert!(manual.reason.contains("gunicorn>=23.0.0"));
    let manual = bump(&deps, "flask", &Version::new([3, 1, 3])).unwrap_err();
    assert!(
        manual
            .sentences()
            .iter()
            .any(|line| line.contains("pip hash"))
    );
}

#[test]
fn of_two_applications_each_gets_its_own_packages() {
    let repo = Repository::from_texts([
        ("admin/requirements.txt", "Flask==3.1.3\n"),
        ("shop/requirements.txt", "Flask==3.1.3\ngunicorn==23.0.0\n"),
    ]);
    let deps = Dependencies::read(&repo);
    let of = |folder: &'static str| Wanted {
        folder: Some(folder),
        requirement: "gunicorn>=23.0.0",
    };
    let change = ensure(&repo, &deps, &[of("admin"), of("shop/views")]).unwrap();
    let text = applied(&repo, &change.edits, "admin/requirements.txt");
    assert_eq!(text, "Flask==3.1.3\ngunicorn==23.0.0\n");
    assert_eq!(change.edits.len(), 1, "{:?}", change.edits);
}

#[test]
fn a_repository_without_manifest_gets_one() {
    let repo = Repository::from_texts([("app.py", "")]);
    let wanted = ["gunicorn>=23.0.0", "flask>=3.1.3"].map(|requirement| Wanted {
        folder: None,
        requirement,
    });
    let change = ensure(&repo, &Dependencies::read(&repo), &wanted).unwrap();
    assert_eq!(
        change.edits,
        [Edit::create(
            "requirements.txt",
            "flask>=3.1.3\ngunicorn>=23.0.0\n"
        )]
    );
}

#[test]
fn pins_are_raised_in_place() {
    let (text, _) = bumped(
        &[("requirements.txt", "Flask == 2.2.5 # keep\r\nx\r\n")],
        "flask",
        "3.1.3",
        "requirements.txt",
    );
    assert_eq!(text, "Flask == 3.1.3 # keep\r\nx\r\n");
}

#[test]
fn a_promise_stays_where_a_pin_decides() {
    let texts = [
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n    flask>=2.0\n",
        ),
        ("requirements.txt", "flask==2.2.5\n"),
        ("requirements-dev.txt", "flask<3\n"),
    ];
    assert_eq!(bumped(&texts, "flask", "3.1.3", "setup.cfg").0, texts[0].1);
    assert_eq!(
        bumped(&texts, "flask", "3.1.3", "requirements.txt").0,
        "flask==3.1.3\n"
    );
    assert_eq!(
        bumped(&texts, "flask", "3.1.3", "requirements-dev.txt").0,
        "flask>=3.1.3,<4\n"
    );
}

#[test]
fn locks_are_renewed_by_their_tool() {
    let texts = [
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\nflask = \"^2.2\"\n",
        ),
        (
            "poetry.lock",
            "[[package]]\nname = \"flask\"\nversion = \"2.2.5\"\n",
        ),
    ];
    let (text, follow_ups) = bumped(&texts, "flask", "3.1.3", "pyproject.toml");
    assert!(text.contains("flask = \"^3.1.3\""));
    assert_eq!(follow_ups, ["Renew poetry.lock: `poetry update flask`."]);
    let generated = "# This file was autogenerated by uv via the following command:\n#    uv pip compile requirements.in -o requirements.txt\nflask==2.2.5\n";
    let texts = [
        ("requirements.in", "flask\n"),
        ("requirements.txt", generated),
    ];
    let (text, follow_ups) = bumped(&texts, "flask", "3.1.3", "requirements.in");
    assert_eq!(text, "flask>=3.1.3\n");
    assert_eq!(
        follow_ups,
        [
            "Renew requirements.txt: `uv pip compile requirements.in -o requirements.txt --upgrade-package flask`."
        ]
    );
}

#[test]
fn what_no_edit_can_add_becomes_words() {
    let repo = Repository::from_texts([("requirements.txt", "flask==3.1.3 --hash=sha256:aa\n")]);
    let patch = Patch::new(PatchKind::Review, "t", "g")
        .edit(Edit::dependency("gunicorn>=23.0.0"))
        .edit(Edit::create("x", "y"));
    let settled = settle(&repo, &Dependencies::read(&repo), patch);
    assert_eq!(settled.edits, [Edit::create("x", "y")]);
    assert_eq!(
        settled.follow_ups,
        ["Add `gunicorn>=23.0.0` to requirements.txt."]
    );
}
