//! Servers as processes, and a client that asks them things.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longer than any server needs on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// How a start ended.
#[derive(Debug)]
pub enum Start {
    Up(Server),
    /// It ended by itself before it served, with what it had printed.
    Ended(ExitStatus, String),
}

impl Start {
    pub fn up(self) -> Server {
        match self {
            Self::Up(server) => server,
            Self::Ended(status, output) => panic!("the server ended, {status}:\n{output}"),
        }
    }
}

/// A running server; stopped, with its workers, when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// The header lines as they were sent.
    pub head: String,
    pub body: String,
}

impl Response {
    /// The value of the first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A port that nothing uses at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("no free port");
    listener.local_addr().expect("it has an address").port()
}

impl Server {
    /// Starts `command`, which serves at 127.0.0.1:`port`, and waits until it answers or ends.
    pub fn start(mut command: Command, port: u16) -> Start {
        let folder = tempfile::tempdir().expect("no temporary folder");
        let log = folder.path().join("log");
        let out = File::create(&log).expect("no log file");
        let err = out.try_clone().expect("no second handle");
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        // Reloaders and workers are stopped together with their parent.
        command.process_group(0);
        let child = command.spawn().expect("the server does not start");
        let mut server = Self {
            child,
            port,
            log,
            _folder: folder,
        };
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = server.child.try_wait().expect("it can be waited for") {
                return Start::Ended(status, server.output());
            }
            if server.ask("/").is_some() {
                return Start::Up(server);
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        panic!("no answer within {PATIENCE:?}:\n{}", server.output());
    }

    /// `GET path`, with the query as it stands.
    pub fn get(&self, path: &str) -> Response {
        let answer = self.ask(path);
        answer.unwrap_or_else(|| panic!("no answer to {path}:\n{}", self.output()))
    }

    /// `GET path` with further header lines (`Cookie: a=b`).
    pub fn get_with(&self, path: &str, headers: &[&str]) -> Response {
        let answer = self.request(path, headers);
        answer.unwrap_or_else(|| panic!("no answer to {path}:\n{}", self.output()))
    }

    /// Whether it ends by itself within `patience`.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < patience {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        false
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn ask(&self, path: &str) -> Option<Response> {
        self.request(path, &[])
    }

    fn request(&self, path: &str, headers: &[&str]) -> Option<Response> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Response {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let mut kill = Command::new("kill");
        kill.args(["-KILL", "--", &group]);
        let _ = kill.stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}
