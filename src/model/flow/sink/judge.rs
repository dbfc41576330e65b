//! What arrives at a sink, and whether it is harmless there.

use std::rc::Rc;

use super::super::facts::Facts;
use super::super::heap::State;
use super::super::interp::Interp;
use super::super::output::{FileOperation, HtmlContext, Sink, WeakCheck};
use super::super::path::{is_upload, path_pieces};
use super::super::response::html_pieces;
use super::super::value::{Part, Piece, Str, StrKind, Value, hash};
use super::Judged;

impl<'a> Interp<'a> {
    pub(super) fn judge(&self, sink: &Sink, value: &Value<'a>, st: &State<'a>) -> Vec<Judged<'a>> {
        let mut judged: Vec<Judged<'a>> = Vec::new();
        for one in value.alternatives() {
            let found = match sink {
                _ if sink.takes_path() || matches!(sink, Sink::SendDirectoryName) => {
                    self.judge_path(sink, one, st)
                }
                Sink::Markup | Sink::HtmlResponse => self.judge_html(one, st),
                Sink::TemplateSource => self.judge_each(one, st, |known| {
                    known.is_chosen_by_server()
                        || known.contains(Facts::NO_BRACE)
                            && !known.contains(Facts::SECURE_FILENAME)
                }),
                _ => self.judge_each(one, st, Facts::is_chosen_by_server),
            };
            for one in found {
                match judged
                    .iter_mut()
                    .find(|known| known.piece.source == one.piece.source)
                {
                    Some(known) if known.is_safe && !one.is_safe => *known = one,
                    Some(_) => {}
                    None => judged.push(one),
                }
            }
        }
        judged
    }

    fn judge_each(
        &self,
        value: &Value<'a>,
        st: &State<'a>,
        is_safe: impl Fn(Facts) -> bool,
    ) -> Vec<Judged<'a>> {
        let whole = value.key();
        let pieces = match value {
            Value::Ref(_) | Value::Tuple(_) => self.deep_pieces(value, st),
            other => other.pieces(),
        };
        let judged = pieces.into_iter().map(|piece| {
            let known = st.known(&piece, whole);
            Judged {
                piece,
                known,
                is_safe: is_safe(known),
                context: None,
            }
        });
        judged.collect()
    }

    fn judge_path(&self, sink: &Sink, value: &Value<'a>, st: &State<'a>) -> Vec<Judged<'a>> {
        if is_upload(value) {
            return Vec::new();
        }
        let takes_folders = matches!(
            sink,
            Sink::SendDirectoryBase | Sink::File(FileOperation::List | FileOperation::Delete)
        );
        let whole = value.key();
        let text = match value {
            Value::Str(text) => Str::clone(text),
            Value::Any(any) if any.kind.as_deref() == Some("number") => return Vec::new(),
            other => {
                let mut text = Str::new(StrKind::Text);
                let pieces = match other {
                    Value::Ref(_) => self.deep_pieces(other, st),
                    other => other.pieces(),
                };
                pieces
                    .into_iter()
                    .for_each(|piece| text.push(Part::Taint(piece)));
                if text.parts.len() > 1 {
                    // The order is not known: each could come first.
                    return text
                        .pieces()
                        .map(|piece| {
                            let known = st.known(piece, whole);
                            let is_safe =
                                known.is_chosen_by_server() || known.contains(Facts::CONTAINED);
                            Judged {
                                piece: Rc::clone(piece),
                                known,
                                is_safe,
                                context: None,
                            }
                        })
                        .collect();
                }
                text
            }
        };
        let judged = path_pieces(&text, whole, takes_folders, st)
            .into_iter()
            .map(|(piece, is_safe)| {
                let known = st.known(&piece, whole);
                Judged {
                    is_safe: is_safe || matches!(sink, Sink::SendDirectoryName),
                    known,
                    piece,
                    context: None,
                }
            });
        judged.collect()
    }

    fn judge_html(&self, value: &Value<'a>, st: &State<'a>) -> Vec<Judged<'a>> {
        let whole = value.key();
        match value {
            Value::Str(text) => html_pieces(text)
                .into_iter()
                .map(|(piece, context)| self.judge_html_piece(piece, context, whole, st))
                .collect(),
            other => {
                let pieces = match other {
                    Value::Ref(_) | Value::Tuple(_) => self.deep_pieces(other, st),
                    other => other.pieces(),
                };
                pieces
                    .into_iter()
                    .map(|piece| self.judge_html_piece(piece, HtmlContext::Text, whole, st))
                    .collect()
            }
        }
    }

    fn judge_html_piece(
        &self,
        piece: Rc<Piece<'a>>,
        context: HtmlContext,
        whole: u64,
        st: &State<'a>,
    ) -> Judged<'a> {
        let known = st.known(&piece, whole);
        let fits = match context {
            HtmlContext::Text => known.contains(Facts::NO_MARKUP),
            HtmlContext::QuotedAttribute => known.contains(Facts::NO_QUOTE),
            HtmlContext::UrlAttribute => known.contains(Facts::NO_QUOTE | Facts::LINK),
            HtmlContext::Script => known.contains(Facts::NO_QUOTE | Facts::NO_MARKUP),
            HtmlContext::Handler => {
                let mut under = piece.under.iter();
                let is_json = under.any(|(codec, _)| *codec == hash("json"));
                known.contains(Facts::ESCAPED) && (is_json || known.contains(Facts::ONE_WORD))
            }
            HtmlContext::UnquotedAttribute => known.contains(Facts::NO_QUOTE | Facts::ONE_WORD),
        };
        Judged {
            is_safe: known.is_chosen_by_server() || fits,
            known,
            piece,
            context: Some(context),
        }
    }

    pub(super) fn weak_checks(&self, value: &Value<'a>, judged: &[Judged<'a>]) -> Vec<WeakCheck> {
        let mut found = Vec::new();
        let mut keys: Vec<_> = value.alternatives().iter().map(Value::key).collect();
        keys.extend(judged.iter().map(|one| one.piece.id));
        let origins: Vec<_> = keys
            .iter()
            .filter_map(|key| self.origins.get(key))
            .flatten()
            .copied()
            .collect();
        keys.extend(origins);
        for key in keys {
            for check in self.weak.get(&key).into_iter().flatten() {
                if !found.contains(check) {
                    found.push(check.clone());
                }
            }
        }
        found.sort();
        found
    }
}
