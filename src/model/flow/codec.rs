//! Encodings: what they take away, and what comes back.

use std::rc::Rc;

use super::call::Args;
use super::facts::Facts;
use super::heap::State;
use super::interp::Interp;
use super::value::{Note, Str, StrKind, Value, hash, mix};

enum Direction {
    /// The facts that the encoded text has.
    Encode(Facts),
    Decode,
}

impl<'a> Interp<'a> {
    /// Escaping, quoting, base64, JSON.
    pub fn codec(&mut self, name: &str, args: &Args<'a>, st: &mut State<'a>) -> Option<Value<'a>> {
        let place = args.place;
        let first = args.pos.first().or_else(|| args.all().next());
        let first = first.cloned().unwrap_or(Value::None);
        match name {
            "markupsafe.escape" => {
                if matches!(&first, Value::Str(text) if text.kind == StrKind::Markup) {
                    return Some(first);
                }
                let escaped = self.escaped(&st.pin(&first), Some(place));
                return Some(as_markup(&escaped));
            }
            "html.escape" => {
                let quotes = args
                    .get(1, "quote")
                    .is_none_or(|quote| quote.truth() != Some(false));
                let facts = if quotes {
                    Facts::ESCAPED
                } else {
                    Facts::NO_MARKUP
                };
                return Some(self.with_facts(
                    &st.pin(&first),
                    facts,
                    Some(place),
                    "escaped for HTML",
                ));
            }
            "xml.sax.saxutils.escape" => {
                return Some(self.with_facts(
                    &st.pin(&first),
                    Facts::NO_MARKUP,
                    Some(place),
                    "escaped for XML",
                ));
            }
            "xml.sax.saxutils.quoteattr"
            | "bleach.clean"
            | "nh3.clean"
            | "html_sanitizer.Sanitizer.sanitize"
            | "bleach.linkify"
            | "pygments.highlight"
            | "json.htmlsafe_dumps"
            | "htmlmin.minify_clean" => {
                let how = "cleaned for HTML";
                return Some(self.with_facts(&st.pin(&first), Facts::ESCAPED, Some(place), how));
            }
            "html.unescape"
            | "xml.sax.saxutils.unescape"
            | "codecs.decode"
            | "codecs.encode"
            | "binascii.unhexlify"
            | "quopri.decodestring"
            | "zlib.decompress"
            | "gzip.decompress" => {
                return Some(self.each_piece(
                    &st.pin(&first),
                    name,
                    args,
                    Facts::NUMERIC,
                    Facts::NONE,
                ));
            }
            "binascii.hexlify" => {
                return Some(self.with_facts(
                    &st.pin(&first),
                    Facts::HARMLESS,
                    Some(place),
                    "written in hex",
                ));
            }
            _ => {}
        }
        let url = Facts::ESCAPED | Facts::ONE_WORD | Facts::NO_BRACE | Facts::LINK;
        let base64 = url | Facts::NO_DOTDOT;
        let no_slash = Facts::NO_SEPARATOR | Facts::NOT_ABSOLUTE;
        let (codec, direction) = match name {
            "urllib.parse.quote" | "urllib.quote" | "urllib2.quote" | "requests.utils.quote" => {
                let strict = args
                    .get(1, "safe")
                    .and_then(Value::constant_str)
                    .is_some_and(|safe| !safe.contains('/'));
                (
                    "url",
                    Direction::Encode(if strict { url | no_slash } else { url }),
                )
            }
            "urllib.parse.quote_plus" | "urllib.parse.urlencode" | "urllib.quote_plus" => {
                ("url", Direction::Encode(url | no_slash))
            }
            "urllib.parse.unquote"
            | "urllib.parse.unquote_plus"
            | "urllib.unquote"
            | "urllib.parse.unquote_to_bytes"
            | "urllib.unquote_plus" => ("url", Direction::Decode),
            "base64.b64encode" | "base64.standard_b64encode" | "base64.encodebytes" => {
                ("base64", Direction::Encode(base64))
            }
            "base64.urlsafe_b64encode" | "base64.b32encode" | "base64.b16encode" => {
                ("base64", Direction::Encode(base64 | no_slash))
            }
            "base64.b64decode"
            | "base64.urlsafe_b64decode"
            | "base64.standard_b64decode"
            | "base64.decodebytes"
            | "base64.b32decode"
            | "base64.b16decode" => ("base64", Direction::Decode),
            "json.dumps" | "ujson.dumps" | "simplejson.dumps" | "orjson.dumps" => {
                ("json", Direction::Encode(Facts::NONE))
            }
            "json.loads" | "ujson.loads" | "simplejson.loads" | "orjson.loads"
            | "yaml.safe_load" | "yaml.load" | "ast.literal_eval" => ("json", Direction::Decode),
            _ => return None,
        };
        if !st.pin(&first).is_tainted() {
            let pieces = self.deep_pieces(&first, st);
            if pieces.is_empty() {
                return self
                    .fold_codec(name, &first)
                    .or_else(|| Some(Value::unknown(Self::call_key(name, args))));
            }
            let whole = Value::tainted(mix(first.key(), hash(codec)), pieces);
            return Some(self.coded(&whole, codec, &direction, args));
        }
        Some(self.coded(&st.pin(&first), codec, &direction, args))
    }

    fn coded(
        &self,
        value: &Value<'a>,
        codec: &str,
        direction: &Direction,
        args: &Args<'a>,
    ) -> Value<'a> {
        let codec_key = hash(codec);
        let place = args.place;
        let changed = value.map_pieces(&mut |piece| match direction {
            Direction::Encode(facts) => {
                let keep = Facts::HARMLESS
                    .without(Facts::NO_DOTDOT)
                    .with(Facts::NUMERIC)
                    .with(Facts::CONSTANT);
                let mut encoded = piece.derive(mix(codec_key, 1), keep);
                encoded.facts |= *facts;
                encoded.under = Some((codec_key, Rc::new(piece.clone())));
                if !facts.is_empty() {
                    encoded.by = Some((place, format!("encoded as {codec}").into()));
                }
                encoded.step(
                    place,
                    Note::Through(format!("is encoded as {codec}").into()),
                )
            }
            Direction::Decode => match &piece.under {
                Some((known, inner)) if *known == codec_key => {
                    let mut inner = (**inner).clone();
                    inner.step = Rc::clone(&piece.step);
                    inner.step(
                        place,
                        Note::Through(format!("is decoded from {codec}").into()),
                    )
                }
                _ => {
                    let decoded = piece.derive(mix(codec_key, 2), Facts::NUMERIC);
                    decoded.step(
                        place,
                        Note::Through(format!("is decoded from {codec}").into()),
                    )
                }
            },
        });
        // The literal parts are encoded too, and no longer what they were.
        match (&changed, codec) {
            (Value::Str(_), "url") => changed,
            (Value::Str(text), _) => {
                let mut pieces = text.pieces().cloned().collect::<Vec<_>>();
                match (pieces.len(), text.parts.len()) {
                    (1, 1) => changed,
                    _ => {
                        pieces.dedup_by_key(|piece| piece.id);
                        Value::tainted(mix(changed.key(), codec_key), pieces)
                    }
                }
            }
            _ => Value::tainted(changed.key(), changed.pieces()),
        }
    }

    /// Constants keep their value through a round trip that matters only for being constant.
    fn fold_codec(&self, name: &str, value: &Value<'a>) -> Option<Value<'a>> {
        let text = value.constant_str()?;
        match name {
            "urllib.parse.unquote" | "urllib.parse.unquote_plus" if !text.contains(['%', '+']) => {
                Some(value.clone())
            }
            "urllib.parse.quote" if text.chars().all(|c| c.is_ascii_alphanumeric()) => {
                Some(value.clone())
            }
            _ => None,
        }
    }
}

pub(super) fn as_markup<'a>(value: &Value<'a>) -> Value<'a> {
    match value {
        Value::Union(values) => super::value::union(values.iter().map(as_markup)),
        value => {
            let mut text = Str::new(StrKind::Markup);
            super::expr::as_parts(value)
                .into_iter()
                .for_each(|part| text.push(part));
            Value::str(text)
        }
    }
}
