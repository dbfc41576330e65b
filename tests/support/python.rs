//! Virtual environments with real Flask releases, made once and kept below `target/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A Flask release with the packages of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flask {
    V1_1,
    V2_0,
    V2_2,
    V2_3,
    V3_0,
    V3_1,
}

impl Flask {
    pub const ALL: [Self; 6] = [
        Self::V1_1,
        Self::V2_0,
        Self::V2_2,
        Self::V2_3,
        Self::V3_0,
        Self::V3_1,
    ];

    /// "3.1", as a manifest would pin it.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1.4",
            Self::V2_0 => "2.0.3",
            Self::V2_2 => "2.2.5",
            Self::V2_3 => "2.3.3",
            Self::V3_0 => "3.0.3",
            Self::V3_1 => "3.1.3",
        }
    }

    /// What pip has to install for it: releases that work together.
    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::V1_1 => &[
                "flask==1.1.4",
                "werkzeug==1.0.1",
                "jinja2==2.11.3",
                "itsdangerous==1.1.0",
                "markupsafe==2.0.1",
                "click==7.1.2",
            ],
            Self::V2_0 => &["flask==2.0.3", "werkzeug==2.0.3"],
            Self::V2_2 => &["flask==2.2.5", "werkzeug==2.2.3"],
            Self::V2_3 => &["flask==2.3.3", "werkzeug==2.3.8"],
            Self::V3_0 => &["flask==3.0.3", "werkzeug==3.0.6"],
            Self::V3_1 => &["flask==3.1.3", "werkzeug==3.1.9"],
        }
    }

    /// Whether `flask --debug run` exists.
    pub const fn has_debug_option(self) -> bool {
        !matches!(self, Self::V1_1 | Self::V2_0)
    }
}

/// Needed by every environment: a production server, the test runner, `.env` files.
const COMMON: &[&str] = &["gunicorn==23.0.0", "pytest==8.3.5", "python-dotenv==1.0.1"];

/// A virtual environment.
#[derive(Debug, Clone)]
pub struct Python {
    root: PathBuf,
}

impl Python {
    pub fn with(flask: Flask) -> Self {
        Self::with_packages(flask, &[])
    }

    /// With further requirements ("hvac==2.4.0"), in an environment of its own.
    pub fn with_packages(flask: Flask, more: &[&str]) -> Self {
        let mut packages: Vec<&str> = flask.packages().to_vec();
        packages.extend(COMMON);
        packages.extend(more);
        let python = Self {
            root: folder(flask.version(), &packages),
        };
        python.make_once(&packages);
        python
    }

    /// A program of the environment ("python", "gunicorn", "flask") or of the system, run without anything of
    /// the outer environment that Flask or a server reads.
    pub fn program(&self, name: &str) -> Command {
        let own = self.root.join("bin").join(name);
        // `sh` and its like come from the system.
        let mut command = match own.exists() {
            true => Command::new(own),
            false => Command::new(name),
        };
        command.env_clear();
        command.env("PATH", self.path());
        command.env("HOME", self.root.as_os_str());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PYTHONUNBUFFERED", "1");
        command
    }

    /// What `python -c code` prints, in `folder`.
    pub fn run(&self, folder: &Path, code: &str) -> Output {
        let mut command = self.program("python");
        command.args(["-c", code]).current_dir(folder);
        command.output().expect("python does not start")
    }

    /// `PATH` with the environment's programs in front.
    fn path(&self) -> String {
        let outer = std::env::var("PATH").unwrap_or_default();
        format!("{}:{outer}", self.root.join("bin").display())
    }

    fn make_once(&self, packages: &[&str]) {
        let parent = self.root.parent().expect("it lies below target/");
        fs::create_dir_all(parent).expect("target/ cannot be written");
        let lock = File::create(self.root.with_extension("lock")).expect("no lock file");
        lock.lock().expect("the lock cannot be taken");
        let ready = self.root.join("ready");
        if ready.exists() {
            return;
        }
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&self.root);
        succeed(venv);
        let mut pip = Command::new(self.root.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input"]);
        pip.arg("--disable-pip-version-check").args(packages);
        succeed(pip);
        fs::write(ready, packages.join("\n")).expect("the environment cannot be written");
    }
}

/// Below cargo's own folder for tests: never in the repository, gone with `cargo clean`.
fn folder(version: &str, packages: &[&str]) -> PathBuf {
    let sum = packages.join(" ").bytes().fold(0u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python/flask-{version}-{sum:08x}"))
}

fn succeed(mut command: Command) {
    let output = command.output().expect("python3 is needed for these tests");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
