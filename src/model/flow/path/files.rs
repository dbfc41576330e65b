//! Functions and methods that touch the disk.

use super::super::call::Args;
use super::super::expr::predicate;
use super::super::heap::State;
use super::super::interp::{Frame, Interp};
use super::super::output::{FileOperation, Sink};
use super::super::value::{Part, Str, StrKind, Value, hash, mix};
use super::is_upload;

impl<'a> Interp<'a> {
    /// Calls that open, change or list a path: which arguments, and what for.
    pub fn file_function(
        &mut self,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        use FileOperation::{Archive, Delete, List, Probe, Read, Write};
        let (operation, paths): (FileOperation, &[(usize, &str)]) = match name {
            "flask.current_app.open_resource"
            | "flask.current_app.open_instance_resource"
            | "flask.Flask.open_resource"
            | "flask.Flask.open_instance_resource"
            | "flask.Blueprint.open_resource" => (Read, &[(0, "resource")]),
            "builtins.open" | "io.open" | "codecs.open" | "aiofiles.open" | "gzip.open"
            | "bz2.open" | "lzma.open" | "os.fdopen" | "io.FileIO" | "tokenize.open"
            | "smart_open.open" | "os.open" => {
                let mode = args.get(1, "mode").and_then(Value::constant_str);
                let writes = mode.is_some_and(|mode| mode.contains(['w', 'a', 'x', '+']));
                (
                    if writes { Write } else { Read },
                    &[(0, "file"), (9, "filename"), (9, "path")],
                )
            }
            "os.remove"
            | "os.unlink"
            | "os.rmdir"
            | "os.removedirs"
            | "shutil.rmtree"
            | "send2trash.send2trash" => (Delete, &[(0, "path")]),
            "os.rename" | "os.replace" | "os.renames" | "os.link" | "os.symlink"
            | "shutil.move" | "shutil.copy" | "shutil.copy2" | "shutil.copyfile"
            | "shutil.copytree" => (Write, &[(0, "src"), (1, "dst")]),
            "os.mkdir" | "os.makedirs" | "os.chmod" | "os.chown" | "os.truncate" | "os.mknod"
            | "os.mkfifo" | "os.utime" | "pathlib.Path.mkdir" | "os.chdir" => {
                (Write, &[(0, "path"), (9, "name")])
            }
            "os.listdir" | "os.scandir" | "os.walk" | "glob.glob" | "glob.iglob" => {
                (List, &[(0, "path"), (9, "top"), (9, "pathname")])
            }
            "os.readlink"
            | "linecache.getline"
            | "linecache.getlines"
            | "runpy.run_path"
            | "PIL.Image.open"
            | "imageio.imread"
            | "cv2.imread"
            | "numpy.load"
            | "numpy.loadtxt"
            | "numpy.genfromtxt"
            | "openpyxl.load_workbook"
            | "fitz.open"
            | "PyPDF2.PdfReader"
            | "pypdf.PdfReader"
            | "docx.Document"
            | "joblib.load"
            | "torch.load"
            | "xml.etree.ElementTree.parse"
            | "lxml.etree.parse"
            | "dotenv.dotenv_values"
            | "wave.open"
            | "h5py.File"
            | "mimetypes.read_mime_types" => (
                Read,
                &[
                    (0, "file"),
                    (9, "filename"),
                    (9, "path"),
                    (9, "fp"),
                    (9, "source"),
                ],
            ),
            _ if name.starts_with("pandas.read_") => {
                let is_sql = name.contains("sql") || name.contains("gbq") || name.contains("html");
                if is_sql {
                    return None;
                }
                (Read, &[(0, "filepath_or_buffer"), (9, "io"), (9, "path")])
            }
            "zipfile.ZipFile"
            | "tarfile.open"
            | "tarfile.TarFile"
            | "shutil.unpack_archive"
            | "zipfile.PyZipFile" => (Archive, &[(0, "file"), (0, "name"), (1, "extract_dir")]),
            "shutil.make_archive" => (
                Archive,
                &[(0, "base_name"), (2, "root_dir"), (3, "base_dir")],
            ),
            "os.path.exists" | "os.path.isfile" | "os.path.isdir" | "os.path.lexists"
            | "os.path.islink" | "os.path.getsize" | "os.path.getmtime" | "os.path.getctime"
            | "os.path.getatime" | "os.path.samefile" | "os.path.ismount" | "os.stat"
            | "os.lstat" | "os.access" => (Probe, &[(0, "path"), (9, "s"), (9, "filename")]),
            _ => return None,
        };
        let is_mode_second = matches!(operation, Archive) && !name.starts_with("shutil");
        for (index, parameter) in paths {
            if is_mode_second && *index == 1 {
                continue;
            }
            let value = match *index {
                9 => args.keyword(parameter),
                index => args.get(index, parameter),
            };
            if let Some(value) = value.cloned() {
                let at = args.place_of(*index, parameter);
                self.sink(Sink::File(operation), name, args.place, at, &value, st, fr);
            }
        }
        let place = args.place;
        Some(match operation {
            Probe => match name {
                "os.path.getsize" | "os.stat" => {
                    Value::object("number", Self::call_key(name, args), Vec::new())
                }
                _ => predicate(place, Vec::new(), Vec::new()),
            },
            Archive | Read | Write if args.all().any(is_upload) => {
                // An uploaded file is read: what it holds is the client's.
                let content = self.unknown_call(None, name, args, st);
                return Some(match name {
                    "tarfile.open" | "tarfile.TarFile" => {
                        Value::object("tarfile.TarFile", content.key(), content.pieces())
                    }
                    _ if operation == Archive => {
                        Value::object("zipfile.ZipFile", content.key(), content.pieces())
                    }
                    _ => content,
                });
            }
            List => {
                let item = Value::unknown(mix(Self::call_key(name, args), hash("entry")));
                self.list_of(st, item)
            }
            Archive if name.starts_with("tarfile.") => {
                Value::object("tarfile.TarFile", Self::call_key(name, args), Vec::new())
            }
            Archive => Value::object("zipfile.ZipFile", Self::call_key(name, args), Vec::new()),
            _ => Value::object("file", Self::call_key(name, args), Vec::new()),
        })
    }

    /// Methods of a `pathlib` path that touch the disk.
    pub fn path_sink(
        &mut self,
        path: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        use FileOperation::{Delete, List, Probe, Read, Write};
        let operation = match name {
            "read_text" | "read_bytes" | "readlink" => Read,
            "open" => {
                let mode = args.get(0, "mode").and_then(Value::constant_str);
                match mode.is_some_and(|mode| mode.contains(['w', 'a', 'x', '+'])) {
                    true => Write,
                    false => Read,
                }
            }
            "write_text" | "write_bytes" | "mkdir" | "touch" | "rename" | "replace"
            | "symlink_to" | "hardlink_to" | "chmod" => Write,
            "unlink" | "rmdir" => Delete,
            "iterdir" | "glob" | "rglob" => List,
            "exists" | "is_file" | "is_dir" | "is_symlink" | "stat" | "lstat" | "samefile" => Probe,
            _ => return None,
        };
        let full = format!("pathlib.Path.{name}");
        let at = args.receiver.unwrap_or(args.place);
        self.sink(Sink::File(operation), &full, args.place, at, path, st, fr);
        if matches!(name, "glob" | "rglob")
            && let Some(pattern) = args.get(0, "pattern").cloned()
        {
            let at = args.place_of(0, "pattern");
            self.sink(Sink::File(List), &full, args.place, at, &pattern, st, fr);
        }
        if matches!(name, "rename" | "replace")
            && let Some(target) = args.get(0, "target").cloned()
        {
            self.sink(
                Sink::File(Write),
                &full,
                args.place,
                args.place_of(0, "target"),
                &target,
                st,
                fr,
            );
        }
        let key = mix(path.key(), mix(hash(name), args.place.key()));
        Some(match operation {
            Probe => predicate(args.place, Vec::new(), Vec::new()),
            List => {
                let mut item = Str::new(StrKind::Path);
                item.push(Part::Hole(key));
                self.list_of(st, Value::str(item))
            }
            Read if name == "open" => Value::object("file", key, Vec::new()),
            _ => Value::unknown(key),
        })
    }
}
