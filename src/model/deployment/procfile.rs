//! Procfiles.

use std::sync::Arc;

use super::files;
use super::reader::Reader;
use super::scope::Scope;
use super::{Form, Quoting, Surface};
use crate::discover::File;
use crate::parse::procfile;

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let judged = files::judge_plain(file, "a Procfile is what the platform starts");
    let folder = files::folder_of(&file.path);
    for entry in procfile::parse(file.text.as_str()) {
        let mut scope =
            Scope::checkout(file, Surface::Procfile, judged.clone(), folder).named(&entry.name);
        // `release` runs once before a deployment, whatever it is.
        scope.main = entry.name != "release";
        reader.script(
            &entry.command,
            &file.path,
            Form::Shell(Quoting::Bare),
            &scope,
        );
    }
}
