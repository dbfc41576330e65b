//! What an expression can be: constants, text in parts, objects of the heap, the unknown.

use std::cell::Cell;
use std::rc::Rc;

use ruff_python_ast::{ExprLambda, StmtFunctionDef};

use super::facts::Facts;
use crate::model::modules::ModuleId;
use crate::text::Span;

/// The identity of a value, equal for values that are equal at run time. Hash collisions are
/// as good as impossible; they would merge two values.
pub(super) type Key = u64;
pub(super) type ObjId = u32;

/// Mixes two keys (the finaliser of SplitMix64).
pub(super) const fn mix(a: Key, b: Key) -> Key {
    let mut z = a.rotate_left(23) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Eight bytes at a time: long literals are hashed often.
pub(super) fn hash(text: &str) -> Key {
    let mut chunks = text.as_bytes().chunks_exact(8);
    let mut key = text.len() as Key;
    for chunk in &mut chunks {
        let word = chunk
            .iter()
            .fold(0, |word: Key, byte| word << 8 | Key::from(*byte));
        key = (key ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }
    let rest = chunks.remainder();
    mix(
        key,
        rest.iter()
            .fold(1, |word: Key, byte| word << 8 | Key::from(*byte)),
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub module: ModuleId,
    pub span: Span,
}

impl Place {
    pub fn key(self) -> Key {
        let at = (self.span.start as u64) << 32 | self.span.end as u64;
        mix(self.module.index() as u64, at)
    }
}

/// Where a value enters from the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub place: Place,
    /// `request.args.get("name")`, "the URL parameter `name`".
    pub text: Box<str>,
    /// Where templates hand it to a function of the application: a client's only if they do.
    pub given: Option<Box<super::output::Given>>,
}

/// One link of a value's way, newest first.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub place: Place,
    pub note: Note<'a>,
    pub before: Option<Rc<Self>>,
    pub length: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Note<'a> {
    Read,
    Stored(&'a str),
    Passed {
        function: &'a str,
        parameter: &'a str,
    },
    Returned(&'a str),
    Through(Rc<str>),
}

/// A run of text that a client shapes.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    pub id: Key,
    pub facts: Facts,
    pub source: Rc<Source>,
    pub step: Rc<Step<'a>>,
    /// What made it harmless last.
    pub by: Option<(Place, Rc<str>)>,
    /// What an encoding holds inside: the codec's key, and the piece before it.
    pub under: Option<(Key, Rc<Self>)>,
    /// The expression through which it last became part of something larger.
    pub inserted: Option<Place>,
    /// All of these, the last one first.
    pub insertions: Option<Rc<Insertion>>,
}

/// One expression through which a piece became part of something larger.
#[derive(Debug)]
pub(super) struct Insertion {
    pub place: Place,
    pub count: u16,
    pub before: Option<Rc<Self>>,
}

/// More insertions than this are not kept: loops put in again and again.
const MOST_INSERTIONS: u16 = 12;

const LONGEST_WAY: u16 = 40;

impl<'a> Piece<'a> {
    /// Notes that it became part of something larger through the expression at `place`.
    pub fn insert_through(&mut self, place: Place) {
        self.inserted = Some(place);
        let last = self.insertions.as_ref();
        let count = last.map_or(0, |last| last.count);
        if count >= MOST_INSERTIONS || last.is_some_and(|last| last.place == place) {
            return;
        }
        self.insertions = Some(Rc::new(Insertion {
            place,
            count: count + 1,
            before: self.insertions.take(),
        }));
    }

    /// The same text, one step on.
    pub fn step(&self, place: Place, note: Note<'a>) -> Self {
        let mut piece = self.clone();
        if piece.step.length < LONGEST_WAY && (piece.step.place != place || piece.step.note != note)
        {
            piece.step = Rc::new(Step {
                place,
                note,
                length: piece.step.length + 1,
                before: Some(Rc::clone(&piece.step)),
            });
        }
        piece
    }

    /// Another text made of this one by `operation`, of which only `keep` of the facts hold.
    pub fn derive(&self, operation: Key, keep: Facts) -> Self {
        Self {
            id: mix(self.id, operation),
            facts: self.facts & keep,
            under: None,
            ..self.clone()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StrKind {
    Text,
    Bytes,
    /// `markupsafe.Markup`: what is put into it is escaped.
    Markup,
    /// A `pathlib` path.
    Path,
}

#[derive(Debug, Clone)]
pub(super) enum Part<'a> {
    Lit(Rc<str>),
    /// `os.path.join`: a `/`, unless what follows is absolute.
    Sep,
    /// Text of the server that is not known here.
    Hole(Key),
    Taint(Rc<Piece<'a>>),
}

impl Part<'_> {
    pub fn key(&self) -> Key {
        match self {
            Self::Lit(text) => hash(text),
            Self::Sep => 0x5e9,
            Self::Hole(key) => *key,
            Self::Taint(piece) => piece.id,
        }
    }
}

#[derive(Debug)]
pub(super) struct Str<'a> {
    pub kind: StrKind,
    pub parts: Vec<Part<'a>>,
    /// Of a text that is shared, and so does not change any more: large tables are searched by it.
    key: Cell<Option<Key>>,
}

impl Clone for Str<'_> {
    /// The copy may be changed, and has to find its key anew.
    fn clone(&self) -> Self {
        Self::of(self.kind, self.parts.clone())
    }
}

const MOST_PARTS: usize = 400;

impl<'a> Str<'a> {
    pub const fn new(kind: StrKind) -> Self {
        Self::of(kind, Vec::new())
    }

    pub const fn of(kind: StrKind, parts: Vec<Part<'a>>) -> Self {
        Self {
            kind,
            parts,
            key: Cell::new(None),
        }
    }

    pub fn literal(text: impl Into<Rc<str>>) -> Self {
        let mut new = Self::new(StrKind::Text);
        new.push(Part::Lit(text.into()));
        new
    }

    pub fn push(&mut self, part: Part<'a>) {
        if let Part::Lit(text) = &part {
            if text.is_empty() {
                return;
            }
            if let Some(Part::Lit(last)) = self.parts.last_mut() {
                *last = format!("{last}{text}").into();
                return;
            }
        }
        if self.parts.len() < MOST_PARTS || matches!(part, Part::Taint(_)) {
            self.parts.push(part);
        }
    }

    pub fn constant(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Lit(literal) => text.push_str(literal),
                Part::Sep => text.push('/'),
                Part::Hole(_) | Part::Taint(_) => return None,
            }
        }
        Some(text)
    }

    pub fn pieces(&self) -> impl Iterator<Item = &Rc<Piece<'a>>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Taint(piece) => Some(piece),
            _ => None,
        })
    }

    pub fn key(&self) -> Key {
        match self.parts.as_slice() {
            [one] => one.key(),
            parts => parts.iter().fold(0x57e, |key, part| mix(key, part.key())),
        }
    }

    fn shared_key(&self) -> Key {
        let key = self.key.get().unwrap_or_else(|| self.key());
        self.key.set(Some(key));
        key
    }
}

/// A value of which only the origin, and what clients put into it, is known.
#[derive(Debug, Clone)]
pub(super) struct Any<'a> {
    pub key: Key,
    pub pieces: Vec<Rc<Piece<'a>>>,
    /// The dotted name of the class or call that made it, where known.
    pub kind: Option<Rc<str>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Code<'a> {
    Def(&'a StmtFunctionDef),
    Lambda(&'a ExprLambda),
}

#[derive(Debug, Clone)]
pub(super) struct Func<'a> {
    pub code: Code<'a>,
    pub module: ModuleId,
    /// The scope in which it was defined.
    pub scope: ObjId,
    /// The class whose body holds it.
    pub class: Option<ObjId>,
}

/// A truth value and what it says of other values.
#[derive(Debug, Clone)]
pub(super) struct Pred {
    pub key: Key,
    pub then: Vec<(Key, Facts)>,
    pub otherwise: Vec<(Key, Facts)>,
}

#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<Str<'a>>),
    Any(Rc<Any<'a>>),
    Tuple(Rc<[Self]>),
    /// A list, dict, set, instance, class or scope of the heap.
    Ref(ObjId),
    Func(Rc<Func<'a>>),
    /// A function of the repository bound to `self` or a class.
    Bound(Rc<(Self, Rc<Func<'a>>)>),
    /// A method of anything else.
    Method(Rc<(Self, Rc<str>)>),
    /// `super()`: the instance, and the class behind which the search starts.
    Super(Rc<(Self, ObjId)>),
    /// Something outside the repository, by its dotted name.
    Ext(Rc<str>),
    Module(ModuleId),
    /// `from module import name`, looked up when it is used.
    Import(ModuleId, &'a str),
    Pred(Rc<Pred>),
    Union(Rc<[Self]>),
}

impl<'a> Value<'a> {
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Str(Rc::new(Str::literal(text)))
    }

    pub fn str(text: Str<'a>) -> Self {
        Self::Str(Rc::new(text))
    }

    pub fn ext(name: impl Into<Rc<str>>) -> Self {
        Self::Ext(name.into())
    }

    pub fn unknown(key: Key) -> Self {
        Self::Any(Rc::new(Any {
            key,
            pieces: Vec::new(),
            kind: None,
        }))
    }

    /// An unknown of a known kind.
    pub fn object(kind: impl Into<Rc<str>>, key: Key, pieces: Vec<Rc<Piece<'a>>>) -> Self {
        Self::Any(Rc::new(Any {
            key,
            pieces,
            kind: Some(kind.into()),
        }))
    }

    pub fn tainted(key: Key, pieces: Vec<Rc<Piece<'a>>>) -> Self {
        Self::Any(Rc::new(Any {
            key,
            pieces,
            kind: None,
        }))
    }

    pub fn piece(piece: Piece<'a>) -> Self {
        Self::tainted(piece.id, vec![Rc::new(piece)])
    }

    pub fn key(&self) -> Key {
        match self {
            Self::None => 11,
            Self::Bool(value) => 12 + Key::from(*value),
            Self::Int(value) => mix(14, value.cast_unsigned()),
            Self::Float(value) => mix(15, value.to_bits()),
            Self::Str(text) => text.shared_key(),
            Self::Any(any) => match any.pieces.as_slice() {
                [one] => one.id,
                _ => any.key,
            },
            Self::Tuple(items) => items.iter().fold(16, |key, item| mix(key, item.key())),
            Self::Ref(id) => mix(17, Key::from(*id)),
            Self::Func(func) => func.key(),
            Self::Bound(bound) => mix(bound.0.key(), bound.1.key()),
            Self::Method(method) => mix(method.0.key(), hash(&method.1)),
            Self::Super(of) => mix(of.0.key(), 18),
            Self::Ext(name) => mix(19, hash(name)),
            Self::Module(id) => mix(20, id.index() as u64),
            Self::Import(id, name) => mix(mix(21, id.index() as u64), hash(name)),
            Self::Pred(pred) => pred.key,
            Self::Union(values) => values.iter().fold(22, |key, value| mix(key, value.key())),
        }
    }

    /// The alternatives, one for what is no union.
    pub fn alternatives(&self) -> &[Self] {
        match self {
            Self::Union(values) => values,
            one => std::slice::from_ref(one),
        }
    }

    /// The pieces in the value itself, not in what it refers to.
    pub fn pieces(&self) -> Vec<Rc<Piece<'a>>> {
        let mut found = Vec::new();
        self.collect_pieces(&mut found);
        found
    }

    fn collect_pieces(&self, found: &mut Vec<Rc<Piece<'a>>>) {
        self.visit_pieces(&mut |piece| add_piece(found, piece));
    }

    /// Calls `visit` with every piece, some more than once.
    pub fn visit_pieces(&self, visit: &mut impl FnMut(&Rc<Piece<'a>>)) {
        match self {
            Self::Str(text) => text.pieces().for_each(visit),
            Self::Any(any) => any.pieces.iter().for_each(visit),
            Self::Tuple(items) => items.iter().for_each(|item| item.visit_pieces(visit)),
            Self::Union(items) => items.iter().for_each(|item| item.visit_pieces(visit)),
            Self::Method(method) => method.0.visit_pieces(visit),
            _ => {}
        }
    }

    /// Whether it is the same piece of memory, or the same constant. Equal values may not be.
    pub fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => Rc::ptr_eq(a, b),
            (Self::Any(a), Self::Any(b)) => Rc::ptr_eq(a, b),
            (Self::Tuple(a), Self::Tuple(b)) | (Self::Union(a), Self::Union(b)) => Rc::ptr_eq(a, b),
            (Self::Ref(a), Self::Ref(b)) => a == b,
            (Self::Func(a), Self::Func(b)) => Rc::ptr_eq(a, b),
            (Self::Bound(a), Self::Bound(b)) => Rc::ptr_eq(a, b),
            (Self::Method(a), Self::Method(b)) => Rc::ptr_eq(a, b),
            (Self::Ext(a), Self::Ext(b)) => Rc::ptr_eq(a, b),
            (Self::Module(a), Self::Module(b)) => a == b,
            (Self::Import(a, b), Self::Import(c, d)) => a == c && b == d,
            (Self::Pred(a), Self::Pred(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }

    pub fn is_tainted(&self) -> bool {
        match self {
            Self::Str(text) => text.pieces().next().is_some(),
            Self::Any(any) => !any.pieces.is_empty(),
            Self::Tuple(items) => items.iter().any(Value::is_tainted),
            Self::Union(items) => items.iter().any(Value::is_tainted),
            _ => false,
        }
    }

    pub fn constant_str(&self) -> Option<String> {
        match self {
            Self::Str(text) => text.constant(),
            _ => None,
        }
    }

    /// The same value with every piece replaced.
    #[must_use]
    pub fn map_pieces(&self, change: &mut impl FnMut(&Piece<'a>) -> Piece<'a>) -> Self {
        match self {
            Self::Str(text) if self.is_tainted() => {
                let parts = text.parts.iter().map(|part| match part {
                    Part::Taint(piece) => Part::Taint(Rc::new(change(piece))),
                    other => other.clone(),
                });
                Self::str(Str::of(text.kind, parts.collect()))
            }
            Self::Any(any) if !any.pieces.is_empty() => Self::Any(Rc::new(Any {
                key: any.key,
                kind: any.kind.clone(),
                pieces: any.pieces.iter().map(|p| Rc::new(change(p))).collect(),
            })),
            Self::Tuple(items) if self.is_tainted() => {
                Self::Tuple(items.iter().map(|item| item.map_pieces(change)).collect())
            }
            Self::Union(items) if self.is_tainted() => {
                Self::Union(items.iter().map(|item| item.map_pieces(change)).collect())
            }
            other => other.clone(),
        }
    }

    /// One step further on its way.
    #[must_use]
    pub fn step(&self, place: Place, note: &Note<'a>) -> Self {
        if !self.is_tainted() {
            return self.clone();
        }
        self.map_pieces(&mut |piece| piece.step(place, note.clone()))
    }

    pub fn kind(&self) -> Option<&Rc<str>> {
        match self {
            Self::Any(any) => any.kind.as_ref(),
            Self::Ext(name) => Some(name),
            _ => None,
        }
    }

    /// Truth where it does not depend on the heap.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::None => Some(false),
            Self::Bool(value) => Some(*value),
            Self::Int(value) => Some(*value != 0),
            Self::Float(value) => Some(*value != 0.0),
            Self::Str(text) if text.kind == StrKind::Path => Some(true),
            Self::Str(text) => {
                if text.parts.is_empty() {
                    return Some(false);
                }
                let solid = |part: &Part<'_>| matches!(part, Part::Lit(_) | Part::Sep);
                text.parts.iter().any(solid).then_some(true)
            }
            Self::Tuple(items) => Some(!items.is_empty()),
            Self::Func(_) | Self::Bound(_) | Self::Method(_) | Self::Module(_) => Some(true),
            Self::Union(values) => {
                let first = values.first()?.truth()?;
                values
                    .iter()
                    .all(|value| value.truth() == Some(first))
                    .then_some(first)
            }
            _ => None,
        }
    }

    pub fn is_constant(&self) -> bool {
        match self {
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) => true,
            Self::Str(text) => text.constant().is_some(),
            Self::Tuple(items) => items.iter().all(Value::is_constant),
            _ => false,
        }
    }
}

impl Func<'_> {
    pub fn key(&self) -> Key {
        mix(
            mix(self.span().start as u64, self.module.index() as u64),
            u64::from(self.scope),
        )
    }

    pub fn span(&self) -> Span {
        use ruff_text_size::Ranged as _;
        match self.code {
            Code::Def(def) => def.range().into(),
            Code::Lambda(lambda) => lambda.range().into(),
        }
    }

    pub fn name(&self) -> &str {
        match self.code {
            Code::Def(def) => def.name.as_str(),
            Code::Lambda(_) => "lambda",
        }
    }
}

const MOST_PIECES: usize = 12;

/// Adds a piece; of two with the same identity only what both know is kept.
pub(super) fn add_piece<'a>(pieces: &mut Vec<Rc<Piece<'a>>>, piece: &Rc<Piece<'a>>) {
    if let Some(known) = pieces.iter_mut().find(|known| known.id == piece.id) {
        if known.facts != piece.facts {
            let both = known.facts & piece.facts;
            Rc::make_mut(known).facts = both;
        }
        return;
    }
    // Those that matter most stay: one that nothing is known of counts before a checked one.
    if pieces.len() < MOST_PIECES {
        pieces.push(Rc::clone(piece));
    } else if piece.facts.is_empty()
        && let Some(tame) = pieces.iter_mut().find(|known| !known.facts.is_empty())
    {
        *tame = Rc::clone(piece);
    }
}

const MOST_ALTERNATIVES: usize = 8;

/// Either of the values: flat, without repetitions, bounded.
pub(super) fn union<'a>(values: impl IntoIterator<Item = Value<'a>>) -> Value<'a> {
    let mut flat: Vec<Value<'a>> = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    for value in values {
        for one in value.alternatives() {
            let key = one.key();
            let at = keys.iter().position(|known| *known == key);
            match at.map(|at| &mut flat[at]) {
                Some(Value::Pred(known)) if let Value::Pred(other) = one => {
                    *known = Rc::new(either(known, other));
                }
                Some(known) => *known = weaker(known, one),
                None => {
                    flat.push(one.clone());
                    keys.push(key);
                }
            }
        }
    }
    if flat.len() == 1 {
        return flat.remove(0);
    }
    if flat.len() <= MOST_ALTERNATIVES {
        return Value::Union(flat.into());
    }
    let key = keys.into_iter().fold(23, mix);
    let mut pieces = Vec::new();
    flat.iter()
        .for_each(|value| value.collect_pieces(&mut pieces));
    // What refers to the heap stays reachable.
    let mut kept: Vec<Value<'a>> = flat
        .into_iter()
        .filter(|value| matches!(value, Value::Ref(_) | Value::Func(_) | Value::Bound(_)))
        .take(MOST_ALTERNATIVES - 1)
        .collect();
    kept.push(Value::tainted(key, pieces));
    if kept.len() == 1 {
        return kept.remove(0);
    }
    Value::Union(kept.into())
}

/// One test of two values: what it says of either. What it says of both must hold for each.
fn either(a: &Pred, b: &Pred) -> Pred {
    let both = |a: &[(Key, Facts)], b: &[(Key, Facts)]| {
        let of = |side: &[(Key, Facts)], wanted: Key| {
            let said = side.iter().filter(|(key, _)| *key == wanted);
            said.map(|(_, facts)| *facts).reduce(|all, one| all | one)
        };
        let mut said: Vec<(Key, Facts)> = Vec::new();
        for (key, facts) in a.iter().chain(b) {
            let facts = match (of(a, *key), of(b, *key)) {
                (Some(x), Some(y)) => x & y,
                _ => *facts,
            };
            said.push((*key, facts));
        }
        said
    };
    Pred {
        key: a.key,
        then: both(&a.then, &b.then),
        otherwise: both(&a.otherwise, &b.otherwise),
    }
}

/// Of two values with the same identity: each piece with what both know of it.
fn weaker<'a>(a: &Value<'a>, b: &Value<'a>) -> Value<'a> {
    if !a.is_tainted() {
        return a.clone();
    }
    let other = b.pieces();
    a.map_pieces(&mut |piece| {
        let mut piece = piece.clone();
        if let Some(twin) = other.iter().find(|twin| twin.id == piece.id) {
            piece.facts = piece.facts & twin.facts;
        }
        piece
    })
}
