//! Paths: joining, resolving, and whether a client can lead one out of its folder.

mod files;

use std::rc::Rc;

use super::call::Args;
use super::expr::{as_parts, inserted, predicate};
use super::facts::Facts;
use super::guard::Test;
use super::heap::State;
use super::interp::{Frame, Interp};
use super::text::SURVIVES_CUTTING;
use super::value::{Key, Note, Part, Piece, Place, Str, StrKind, Value, hash, mix, union};

/// One path component, of which nothing else is known.
const COMPONENT: Facts = Facts::NO_SEPARATOR.with(Facts::NOT_ABSOLUTE);

impl<'a> Interp<'a> {
    /// `os.path.join`, `Path(a, b)`, `a / b`.
    pub fn join_path(&self, values: &[Value<'a>], kind: StrKind) -> Value<'a> {
        let many = values
            .iter()
            .position(|value| value.alternatives().len() > 1);
        let combinations: usize = values
            .iter()
            .map(|value| value.alternatives().len())
            .product();
        if let Some(at) = many
            && combinations <= 16
        {
            let alternatives = values[at].alternatives();
            return union(alternatives.iter().map(|one| {
                let mut values = values.to_vec();
                values[at] = one.clone();
                self.join_path(&values, kind)
            }));
        }
        let mut out = Str::new(kind);
        for (index, value) in values.iter().enumerate() {
            let parts = as_parts(value);
            let is_absolute =
                matches!(parts.first(), Some(Part::Lit(first)) if first.starts_with('/'));
            if is_absolute && index > 0 {
                out.parts.clear();
            } else if index > 0 && !matches!(out.parts.last(), Some(Part::Sep)) {
                // `join(folder, "")` ends in a separator, and so does `join("/srv/", x)`.
                out.push(Part::Sep);
            }
            parts.into_iter().for_each(|part| out.push(part));
        }
        Value::str(out)
    }

    /// `realpath`, `abspath`, `normpath`, `resolve`: what could climb has climbed.
    pub fn normalised(
        &mut self,
        value: &Value<'a>,
        name: &str,
        place: Place,
        st: &State<'a>,
    ) -> Value<'a> {
        let (whole, text) = match value {
            Value::Union(values) => {
                let all: Vec<_> = values
                    .iter()
                    .map(|value| self.normalised(value, name, place, st))
                    .collect();
                return union(all);
            }
            value if !value.is_tainted() => {
                return match value {
                    // A trailing separator goes.
                    Value::Str(text) => {
                        let mut text = Str::clone(text);
                        while matches!(text.parts.last(), Some(Part::Sep)) {
                            text.parts.pop();
                        }
                        if let Some(Part::Lit(last)) = text.parts.last_mut()
                            && last.len() > 1
                            && last.ends_with('/')
                        {
                            *last = last.trim_end_matches('/').into();
                        }
                        Value::str(text)
                    }
                    other => other.clone(),
                };
            }
            Value::Str(text) => (value.key(), Str::clone(text)),
            other => {
                let mut text = Str::new(StrKind::Text);
                as_parts(other).into_iter().for_each(|part| text.push(part));
                (other.key(), text)
            }
        };
        let note: Rc<str> = format!("goes through {name}()").into();
        // No ".." is left in an absolute path.
        let is_absolute = name != "normpath"
            || matches!(text.parts.first(), Some(Part::Lit(first)) if first.starts_with('/'));
        let verdicts = path_pieces(&text, whole, false, st);
        let mut out = Str::new(text.kind);
        for (index, (piece, is_safe)) in verdicts.into_iter().enumerate() {
            let keep = Facts::ESCAPED
                .with(Facts::NO_BRACE)
                .with(Facts::ONE_WORD)
                .with(Facts::NUMERIC)
                .with(Facts::CONSTANT)
                .with(Facts::URL_SEGMENT)
                .with(Facts::WEAKLY_CHECKED);
            let known = st.known(&piece, whole);
            let mut piece = piece.derive(mix(mix(whole, 0x4042), index as Key), keep);
            piece.facts = known & keep | Facts::NORMALISED;
            if is_absolute {
                piece.facts |= Facts::NO_DOTDOT;
            }
            if is_safe {
                piece.facts |= Facts::CONTAINED;
            }
            out.push(Part::Taint(Rc::new(
                piece.step(place, Note::Through(Rc::clone(&note))),
            )));
        }
        let result = Value::str(out);
        let mut origins = self.origins.get(&whole).cloned().unwrap_or_default();
        origins.push(whole);
        self.origins.insert(result.key(), origins);
        result
    }

    /// `basename`, `Path.name` and what else leaves one component.
    fn component(&self, value: &Value<'a>, name: &str, facts: Facts, place: Place) -> Value<'a> {
        if let Some(text) = value.constant_str() {
            let last = text.rsplit('/').next().unwrap_or(&text);
            return match name {
                "splitext" | "suffix" => match last.rfind('.') {
                    Some(at) if at > 0 => Value::text(&last[at..]),
                    _ => Value::text(""),
                },
                "stem" => Value::text(last.rsplit_once('.').map_or(last, |(stem, _)| stem)),
                _ => Value::text(last),
            };
        }
        // Of a joined path only the last piece can be the last component.
        let last = match value {
            Value::Str(text) => match text.parts.last() {
                Some(Part::Taint(piece)) => Value::tainted(piece.id, vec![Rc::clone(piece)]),
                Some(Part::Lit(_)) if name == "suffix" || name == "splitext" => {
                    return self.component(&Value::text(last_literal(text)), name, facts, place);
                }
                _ => Value::tainted(value.key(), value.pieces()),
            },
            Value::Union(values) => {
                return union(
                    values
                        .iter()
                        .map(|value| self.component(value, name, facts, place)),
                );
            }
            other => other.clone(),
        };
        let note: Rc<str> = format!("goes through {name}").into();
        let how: Rc<str> = format!("reduced to one path component by {name}").into();
        let operation = hash(name);
        match last.is_tainted() {
            true => last.map_pieces(&mut |piece| {
                let mut piece = piece.derive(operation, SURVIVES_CUTTING);
                piece.facts |= facts;
                piece.by = Some((place, Rc::clone(&how)));
                piece.step(place, Note::Through(Rc::clone(&note)))
            }),
            false => Value::unknown(mix(last.key(), operation)),
        }
    }

    /// An attribute of a `pathlib` path.
    pub fn path_attribute(
        &mut self,
        path: &Value<'a>,
        name: &str,
        place: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        match name {
            "name" => self.component(path, "name", COMPONENT, place),
            "stem" => self.component(path, "stem", COMPONENT, place),
            "suffix" => self.component(path, "suffix", COMPONENT | Facts::NO_DOTDOT, place),
            "parent" => self.parent(path, StrKind::Path),
            "parents" => {
                let key = mix(path.key(), hash("parents"));
                self.tests.insert(key, Test::Parents(path.clone()));
                Value::unknown(key)
            }
            "parts" => {
                let item = self.part_of(path, place);
                self.list_of(st, item)
            }
            _ => Value::Method(Rc::new((path.clone(), name.into()))),
        }
    }

    /// One component of a path: where none is "..", the path holds none.
    fn part_of(&mut self, path: &Value<'a>, place: Place) -> Value<'a> {
        let item = self.component(path, "parts", COMPONENT, place);
        for piece in item.pieces() {
            let whole: Vec<Key> = path.pieces().iter().map(|piece| piece.id).collect();
            self.components_of.insert(piece.id, whole);
        }
        item
    }

    fn parent(&mut self, path: &Value<'a>, kind: StrKind) -> Value<'a> {
        if let Value::Union(paths) = path {
            let parents = paths.iter().map(|path| self.parent(path, kind));
            let result = union(parents.collect::<Vec<_>>());
            self.tests.insert(result.key(), Test::Parent(path.clone()));
            return result;
        }
        if !path.is_tainted() {
            return match path.constant_str() {
                Some(text) => {
                    let parent = text.rsplit_once('/').map_or("", |(parent, _)| parent);
                    let mut parent = Str::literal(parent);
                    parent.kind = kind;
                    Value::str(parent)
                }
                None => {
                    let mut parent = Str::new(kind);
                    parent.push(Part::Hole(mix(path.key(), hash("parent"))));
                    Value::str(parent)
                }
            };
        }
        let parts = match path {
            Value::Str(text) => text.parts.clone(),
            other => as_parts(other),
        };
        let mut out = Str::new(kind);
        let operation = hash("parent");
        let last_sep = parts.iter().rposition(|part| matches!(part, Part::Sep));
        let rest = last_sep.map_or(&[][..], |at| &parts[at + 1..]);
        let one_component = rest.iter().all(|part| match part {
            Part::Taint(piece) => piece.facts.contains(Facts::NO_SEPARATOR),
            Part::Lit(text) => !text.contains('/'),
            Part::Sep | Part::Hole(_) => false,
        });
        // `safe_join(base, f"{name}.md")` is a file below its base, and its folder lies there too.
        let is_named = matches!(rest.last(), Some(Part::Lit(end)) if !end.ends_with('/'));
        let kept = if is_named {
            Facts::CONTAINED
        } else {
            Facts::NONE
        };
        match last_sep.filter(|_| one_component) {
            Some(at) => parts[..at].iter().for_each(|part| out.push(part.clone())),
            None => {
                for part in parts {
                    out.push(match part {
                        Part::Taint(piece) => {
                            let keep = Facts::HARMLESS | Facts::URL_SEGMENT | kept;
                            Part::Taint(Rc::new(piece.derive(operation, keep)))
                        }
                        other => other,
                    });
                }
            }
        }
        let result = Value::str(out);
        self.tests.insert(result.key(), Test::Parent(path.clone()));
        result
    }

    /// A function of `os.path`.
    pub fn path_function(
        &mut self,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        let first = args.get(0, "path").or_else(|| args.get(0, "p")).cloned();
        let first = first.unwrap_or(Value::None);
        let pinned = st.pin(&first);
        Some(match name {
            "join" => {
                let values: Vec<_> = args
                    .pos
                    .iter()
                    .enumerate()
                    .map(|(index, value)| inserted(&st.pin(value), args.place_of(index, "")))
                    .chain(several(&args.rest))
                    .collect();
                self.join_path(&values, StrKind::Text)
            }
            "realpath" | "abspath" | "normpath" => self.normalised(&first, name, place, st),
            "basename" => self.component(&pinned, name, COMPONENT, place),
            "dirname" => self.parent(&first, StrKind::Text),
            "split" => {
                let head = self.parent(&first, StrKind::Text);
                let tail = self.component(&pinned, name, COMPONENT, place);
                Value::Tuple([head, tail].into())
            }
            "splitext" => {
                let extension = self.component(&pinned, name, COMPONENT | Facts::NO_DOTDOT, place);
                let root = match pinned.constant_str() {
                    Some(text) => Value::text(
                        text.rsplit_once('.')
                            .map_or(text.as_str(), |(root, _)| root),
                    ),
                    None => pinned.map_pieces(&mut |piece| {
                        piece.derive(hash("root"), super::text::SURVIVES_CASE)
                    }),
                };
                Value::Tuple([root, extension].into())
            }
            "expanduser" | "expandvars" | "normcase" | "fspath" => pinned,
            "isabs" => {
                let otherwise = self.says(&first, Facts::NOT_ABSOLUTE);
                predicate(place, Vec::new(), otherwise)
            }
            "relpath" => {
                let key = mix(mix(first.key(), hash("relpath")), place.key());
                let pieces = first.pieces();
                let result = match pieces.is_empty() {
                    true => Value::unknown(key),
                    false => Value::tainted(
                        key,
                        pieces
                            .iter()
                            .map(|piece| Rc::new(piece.derive(key, Facts::ESCAPED)))
                            .collect(),
                    ),
                };
                self.tests.insert(result.key(), Test::Relative(first));
                result
            }
            "commonpath" | "commonprefix" => {
                let values = match args.get(0, "paths") {
                    Some(paths) => self.known_items(paths, st).unwrap_or_default(),
                    None => Vec::new(),
                };
                let key = values
                    .iter()
                    .fold(mix(place.key(), hash(name)), |key, value| {
                        mix(key, value.key())
                    });
                if name == "commonprefix" && !values.iter().any(ends_in_separator) {
                    self.common_prefix(&values, place);
                } else {
                    self.tests.insert(key, Test::Common(values));
                }
                Value::unknown(key)
            }
            _ => return None,
        })
    }

    /// A method of a `pathlib` path that computes.
    pub fn path_method(
        &mut self,
        path: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        Some(match name {
            "joinpath" => {
                let mut values = vec![path.clone()];
                for (index, value) in args.pos.iter().enumerate() {
                    values.push(inserted(&st.pin(value), args.place_of(index, "")));
                }
                values.extend(several(&args.rest));
                self.join_path(&values, StrKind::Path)
            }
            "resolve" => self.normalised(path, name, place, st),
            "absolute" | "expanduser" | "as_posix" | "__fspath__" => path.clone(),
            "is_relative_to" => {
                let then = match args.get(0, "").is_some_and(Value::is_tainted) {
                    true => Vec::new(),
                    false => self.contained(path, place, st),
                };
                predicate(place, then, Vec::new())
            }
            "relative_to" => {
                if !args.get(0, "").is_some_and(Value::is_tainted) {
                    // It raises unless the path lies below.
                    let learned = self.contained(path, place, st);
                    st.learn_all(&learned);
                }
                st.pin(path)
            }
            "is_absolute" => {
                let otherwise = self.says(path, Facts::NOT_ABSOLUTE);
                predicate(place, Vec::new(), otherwise)
            }
            "with_suffix" | "with_name" | "with_stem" => {
                let new = args.get(0, "").cloned().unwrap_or(Value::None);
                let parent = match name {
                    "with_suffix" => path.clone(),
                    _ => self.parent(path, StrKind::Path),
                };
                let new = self.component(&inserted(&st.pin(&new), place), "name", COMPONENT, place);
                match name {
                    "with_suffix" => self.concat(&parent, &new, StrKind::Path),
                    _ => self.join_path(&[parent, new], StrKind::Path),
                }
            }
            "startswith" | "endswith" => return self.text_method(path, name, args, st, fr),
            _ => return None,
        })
    }

    /// `safe_join(base, *names)`: inside the base or `None`.
    pub fn safe_join(&mut self, args: &Args<'a>, st: &mut State<'a>) -> Value<'a> {
        let place = args.place;
        let mut values = Vec::new();
        for (index, value) in args.pos.iter().chain(&args.rest).enumerate() {
            let value = inserted(&st.pin(value), args.place_of(index, ""));
            values.push(match index {
                0 => value,
                _ => self.with_facts(
                    &value,
                    Facts::CONTAINED,
                    Some(place),
                    "joined by safe_join()",
                ),
            });
        }
        // Contained there, and nowhere else: the piece becomes another one.
        let key = values
            .iter()
            .fold(hash("safe_join"), |key, value| mix(key, value.key()));
        let values: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(index, value)| match index {
                0 => value.clone(),
                _ => value.map_pieces(&mut |piece| {
                    let mut piece =
                        piece.step(place, Note::Through("is joined by safe_join()".into()));
                    piece.id = mix(piece.id, key);
                    piece
                }),
            })
            .collect();
        self.join_path(&values, StrKind::Text)
    }
}

/// Whether a folder is written so that no sibling starts with the same characters.
fn ends_in_separator(folder: &Value<'_>) -> bool {
    match folder {
        Value::Str(text) if !folder.is_tainted() => match text.parts.last() {
            Some(Part::Lit(last)) => last.ends_with('/'),
            Some(Part::Sep) => true,
            _ => false,
        },
        _ => false,
    }
}

/// `*parts` of unknown number: two stand for all, so that one of them is not the last.
pub(super) fn several<'a>(rest: &Option<Value<'a>>) -> impl Iterator<Item = Value<'a>> {
    rest.iter().flat_map(|item| [item.clone(), item.clone()])
}

fn last_literal(text: &Str<'_>) -> String {
    match text.parts.last() {
        Some(Part::Lit(last)) => last.to_string(),
        _ => String::new(),
    }
}

/// Whether a value is an open file or upload and no path.
pub(super) fn is_upload(value: &Value<'_>) -> bool {
    value.kind().is_some_and(|kind| {
        matches!(
            &**kind,
            "werkzeug.FileStorage" | "file" | "io.BytesIO" | "io.StringIO"
        ) || kind.starts_with("werkzeug.FileStorage.")
            || kind.starts_with("tempfile.")
            || &**kind == "flask.request.stream"
    })
}

/// Every client piece of a path, and whether it is harmless where it stands. A last component
/// `..` names a folder: harmless for files, but not where folders are listed or removed.
pub(super) fn path_pieces<'a>(
    text: &Str<'a>,
    whole: Key,
    takes_folders: bool,
    st: &State<'a>,
) -> Vec<(Rc<Piece<'a>>, bool)> {
    let mut verdicts = Vec::new();
    for (index, part) in text.parts.iter().enumerate() {
        let Part::Taint(piece) = part else { continue };
        let known = st.known(piece, whole);
        let before = index.checked_sub(1).map(|at| &text.parts[at]);
        let after = text.parts.get(index + 1);
        let is_last = after.is_none();
        let starts_component = match before {
            None | Some(Part::Sep) => true,
            Some(Part::Lit(text)) => text.ends_with('/'),
            _ => false,
        };
        let ends_component = match after {
            None | Some(Part::Sep) => true,
            Some(Part::Lit(text)) => text.starts_with('/'),
            _ => false,
        };
        let may_be_absolute = matches!(before, None | Some(Part::Sep));
        let is_embedded = !(starts_component && ends_component);
        let one_component = known.contains(Facts::NO_SEPARATOR)
            && (known.intersects(Facts::NO_DOTDOT | Facts::NOT_PARENT)
                || is_embedded
                || is_last && !takes_folders);
        let stays_below = known.contains(Facts::NO_DOTDOT)
            && (!may_be_absolute || known.contains(Facts::NOT_ABSOLUTE));
        let is_safe = known.is_chosen_by_server()
            || known.contains(Facts::CONTAINED)
            || one_component
            || stays_below
            // `f"report-{name}.pdf"`: a URL segment cannot leave the component it is in.
            || known.contains(Facts::URL_SEGMENT)
                && (is_embedded || known.contains(Facts::NOT_PARENT));
        verdicts.push((Rc::clone(piece), is_safe));
    }
    verdicts
}
