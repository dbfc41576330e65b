//! What is known of a piece of text that came from a client.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// A set of properties. Each one holds for every value the piece can have at that place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Facts(u32);

impl Facts {
    pub const NONE: Self = Self(0);
    /// Holds no `/`.
    pub const NO_SEPARATOR: Self = Self(1);
    /// Holds no `..` that could climb.
    pub const NO_DOTDOT: Self = Self(1 << 1);
    /// Does not start with `/`.
    pub const NOT_ABSOLUTE: Self = Self(1 << 2);
    /// Was checked to lie inside a base folder, as the path it is part of.
    pub const CONTAINED: Self = Self(1 << 3);
    /// Holds no `<` (escaped or removed): harmless as HTML text.
    pub const NO_MARKUP: Self = Self(1 << 4);
    /// Holds no quote (escaped or removed): harmless inside a quoted HTML attribute.
    pub const NO_QUOTE: Self = Self(1 << 5);
    /// Holds no `{`: harmless as template source.
    pub const NO_BRACE: Self = Self(1 << 6);
    /// A number, a date, a digest: nothing a client can shape.
    pub const NUMERIC: Self = Self(1 << 7);
    /// One of a collection that the server chose.
    pub const CONSTANT: Self = Self(1 << 8);
    /// A path after `realpath`, `abspath`, `normpath` or `resolve`.
    pub const NORMALISED: Self = Self(1 << 9);
    /// One segment of the URL (Flask's default converter): no `/` on POSIX, but `..`, and
    /// backslashes on Windows.
    pub const URL_SEGMENT: Self = Self(1 << 10);
    /// Went through a check that does not hold, see `weak_checks`.
    pub const WEAKLY_CHECKED: Self = Self(1 << 11);
    /// The result of `secure_filename`.
    pub const SECURE_FILENAME: Self = Self(1 << 12);
    /// Checked by `assert` only, which `python -O` removes.
    pub const ASSERTED: Self = Self(1 << 13);
    /// Holds no space and no `>`: harmless even in an unquoted attribute, with `NO_QUOTE`.
    pub const ONE_WORD: Self = Self(1 << 14);
    /// The path of the URL, which routing has matched.
    pub const URL_PATH: Self = Self(1 << 15);
    /// Is not `..` itself.
    pub const NOT_PARENT: Self = Self(1 << 16);
    /// Came out of foreign code as part of an object: text, or something else.
    pub const OF_OBJECT: Self = Self(1 << 17);
    /// Begins no `javascript:` URL or the like: harmless as a link's target, once it is escaped.
    pub const LINK: Self = Self(1 << 18);

    /// Is not the empty text.
    pub const NOT_EMPTY: Self = Self(1 << 19);

    /// Everything a sink can ask for, except where it stands.
    pub const HARMLESS: Self = Self(
        Self::NO_SEPARATOR.0
            | Self::NO_DOTDOT.0
            | Self::NOT_ABSOLUTE.0
            | Self::NO_MARKUP.0
            | Self::NO_QUOTE.0
            | Self::NO_BRACE.0
            | Self::ONE_WORD.0
            | Self::LINK.0,
    );
    pub const ESCAPED: Self = Self(Self::NO_MARKUP.0 | Self::NO_QUOTE.0);
    /// What a check states of a whole value and not of each piece in it.
    pub(super) const WHOLE: Self = Self(
        Self::CONTAINED.0
            | Self::CONSTANT.0
            | Self::NUMERIC.0
            | Self::WEAKLY_CHECKED.0
            | Self::NOT_PARENT.0
            | Self::NOT_EMPTY.0
            | Self::BEGINNING.0,
    );
    /// What is said of a text's beginning.
    pub(super) const BEGINNING: Self = Self(Self::NOT_ABSOLUTE.0 | Self::LINK.0);

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether no client can shape the text at all.
    pub const fn is_chosen_by_server(self) -> bool {
        self.intersects(Self(Self::NUMERIC.0 | Self::CONSTANT.0))
    }

    /// The names of the properties, for messages.
    pub fn names(self) -> Vec<&'static str> {
        NAMES
            .iter()
            .filter(|(fact, _)| self.contains(*fact))
            .map(|(_, name)| *name)
            .collect()
    }
}

const NAMES: [(Facts, &str); 20] = [
    (Facts::NO_SEPARATOR, "no path separator"),
    (Facts::NO_DOTDOT, "no \"..\""),
    (Facts::NOT_ABSOLUTE, "not absolute"),
    (Facts::CONTAINED, "inside its base folder"),
    (Facts::NO_MARKUP, "no \"<\""),
    (Facts::NO_QUOTE, "no quote"),
    (Facts::NO_BRACE, "no \"{\""),
    (Facts::NUMERIC, "a number"),
    (Facts::CONSTANT, "one of a fixed set"),
    (Facts::NORMALISED, "a normalised path"),
    (Facts::URL_SEGMENT, "one segment of the URL"),
    (
        Facts::WEAKLY_CHECKED,
        "checked by a check that does not hold",
    ),
    (Facts::SECURE_FILENAME, "the result of secure_filename()"),
    (Facts::ASSERTED, "checked by assert only"),
    (Facts::ONE_WORD, "one word"),
    (Facts::URL_PATH, "the URL's path"),
    (Facts::OF_OBJECT, "part of an object"),
    (Facts::NOT_PARENT, "not \"..\" itself"),
    (Facts::NOT_EMPTY, "not empty"),
    (Facts::LINK, "no script as a link"),
];

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl BitOr for Facts {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitOrAssign for Facts {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Facts {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
