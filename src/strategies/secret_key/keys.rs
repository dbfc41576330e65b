//! Which settings are keys, and what can be said of a key's value.

/// What a setting protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It signs: sessions, CSRF tokens, access tokens.
    Key,
    /// The HMAC key of every stored password hash: its value must not change (facts 2.8).
    Salt,
}

/// The keys of Flask and of its extensions (facts 2.7, 2.8), with what each signs.
const KEYS: &[(&str, Kind, &str)] = &[
    ("SECRET_KEY", Kind::Key, "sign sessions as any user"),
    (
        "WTF_CSRF_SECRET_KEY",
        Kind::Key,
        "make CSRF tokens for any user",
    ),
    (
        "JWT_SECRET_KEY",
        Kind::Key,
        "make access tokens for any user",
    ),
    (
        "JWT_PRIVATE_KEY",
        Kind::Key,
        "make access tokens for any user",
    ),
    (
        "SECURITY_PASSWORD_SALT",
        Kind::Salt,
        "try passwords against stolen hashes",
    ),
];

/// The configuration keys to look for.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _, _)| *name)
}

/// Whether an environment variable of that name holds a key of the application.
pub(super) fn is_key_variable(name: &str) -> bool {
    names().any(|key| name == key)
        || matches!(
            name,
            "FLASK_SECRET_KEY" | "APP_SECRET_KEY" | "FLASK_SECRET" | "APP_SECRET" | "JWT_SECRET"
        )
}

/// Flask still accepts what these signed (facts 2.4).
pub(super) const FALLBACKS: &str = "SECRET_KEY_FALLBACKS";

/// Every setting that may hold a key in code.
pub(super) fn in_code(name: &str) -> Option<&'static str> {
    let mut all = names().chain([FALLBACKS]);
    all.find(|key| *key == name)
}

pub(super) fn kind(name: &str) -> Kind {
    let found = KEYS.iter().find(|(key, _, _)| *key == name);
    found.map_or(Kind::Key, |(_, kind, _)| *kind)
}

/// What whoever has it can do, as half a sentence.
pub(super) fn gain(name: &str) -> &'static str {
    let found = KEYS.iter().find(|(key, _, _)| *key == name);
    found.map_or(
        "sign sessions that the app still accepts",
        |(_, _, gain)| *gain,
    )
}

/// Eight hexadecimal digits by which two places can be told to hold the same value.
pub(super) fn mark(value: &str) -> String {
    format!("{:08x}", hash(value) >> 32)
}

/// FNV-1a, 64 bits.
fn hash(value: &str) -> u64 {
    value.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Fewer characters do not make a key.
pub(super) const MIN_LENGTH: usize = 32;

/// Why a value is no key; `None` for a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weakness {
    /// It stands in a tutorial, or is a word that asks to be replaced.
    Known,
    Short(usize),
    /// Long, but guessable: this many bits at most.
    Monotonous(u32),
}

impl Weakness {
    pub fn of(value: &str) -> Option<Self> {
        if is_known(value) {
            return Some(Self::Known);
        }
        let length = value.chars().count();
        if length < 16 {
            return Some(Self::Short(length));
        }
        let bits = bits(value);
        (bits < 96).then_some(Self::Monotonous(bits))
    }

    /// As half a sentence about the value.
    pub fn because(self) -> String {
        match self {
            Self::Known => "it is a placeholder or a tutorial's key, in the lists that are tried \
                            first"
                .into(),
            Self::Short(length) => format!("it has {length} characters"),
            Self::Monotonous(bits) => {
                format!("it is made of words or repetitions, worth about {bits} bits")
            }
        }
    }
}

/// Words that keys are made of by people; what is left when they are taken away is a number
/// or a separator.
const WORDS: &[&str] = &[
    "a",
    "app",
    "application",
    "be",
    "change",
    "changed",
    "changeit",
    "changeme",
    "code",
    "default",
    "dev",
    "develop",
    "development",
    "dont",
    "easy",
    "example",
    "flask",
    "for",
    "goes",
    "gonna",
    "guess",
    "hard",
    "here",
    "in",
    "insecure",
    "is",
    "it",
    "jwt",
    "key",
    "local",
    "me",
    "my",
    "needs",
    "never",
    "not",
    "of",
    "password",
    "placeholder",
    "please",
    "prod",
    "production",
    "python",
    "random",
    "really",
    "replace",
    "salt",
    "sample",
    "secret",
    "secretkey",
    "secure",
    "session",
    "should",
    "so",
    "some",
    "something",
    "string",
    "super",
    "test",
    "testing",
    "that",
    "the",
    "this",
    "to",
    "todo",
    "top",
    "unsafe",
    "very",
    "with",
    "will",
    "xxx",
    "you",
    "your",
    "reallyhardtoguess",
    "mysecretkey",
    "supersecretkey",
    "topsecret",
    "secretstring",
    "s3cr3t",
    "sekrit",
    "hello",
    "world",
    "guessme",
    "keep",
    "safe",
    "demo",
    "tutorial",
    "only",
];

/// Whether the value only marks the place for another one: `<KEY_GOES_HERE>`, `{{ key }}`.
pub(super) fn is_blank_to_fill(value: &str) -> bool {
    let value = value.trim();
    let pairs = [
        ("<", ">"),
        ("{{", "}}"),
        ("${", "}"),
        ("%%", "%%"),
        ("@", "@"),
    ];
    pairs
        .iter()
        .any(|(open, close)| value.len() > 2 && value.starts_with(open) && value.ends_with(close))
}

fn is_known(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let mut words = lower
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let is_word = |word: &str| {
        let bare = word.trim_matches(|character: char| character.is_ascii_digit());
        bare.is_empty() || WORDS.contains(&bare) || WORDS.contains(&word)
    };
    (!value.is_empty()
        && words.all(is_word)
        && lower.bytes().any(|byte| byte.is_ascii_alphabetic()))
        || KNOWN.contains(&hash(value))
}

/// The keys that Flask's and other well-known documentation shows, by their hashes: not even a
/// public key stands in this program.
const KNOWN: &[u64] = &[
    0x3cf1_ab66_ee69_9f07,
    0x9d18_acdc_dd4f_e44e,
    0x37d4_3e3b_321f_cca4,
    0xac1e_f6d2_5b4e_4337,
    0x8b40_a60d_a6bc_da1a,
    0xbc5e_96f1_7537_d6e6,
    0xcad5_f104_b170_0668,
    0x8d31_a4ca_04e2_b4c5,
    0xb6b6_d745_f208_f2ca,
];

/// An upper bound of what a value is worth: its different characters and its length, less for
/// what is built of words, runs and repetitions.
fn bits(value: &str) -> u32 {
    let characters: Vec<char> = value.chars().collect();
    let mut different = characters.clone();
    different.sort_unstable();
    different.dedup();
    let mut pieces = 0usize;
    let mut previous = '\0';
    for character in &characters {
        let is_run = *character == previous || u32::from(*character) == u32::from(previous) + 1;
        pieces += usize::from(!is_run);
        previous = *character;
    }
    let letters = characters
        .iter()
        .filter(|it| it.is_ascii_lowercase())
        .count();
    let is_prose = letters * 10 >= characters.len() * 9 || value.contains(' ');
    // Written language is worth about one and a half bits a letter.
    let per_piece = if is_prose {
        1.5
    } else {
        #[expect(clippy::cast_precision_loss, reason = "a key has few characters")]
        let different = different.len() as f64;
        different.log2().min(6.0)
    };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a key has few characters"
    )]
    let bits = (pieces as f64 * per_piece) as u32;
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up key of `length` hexadecimal digits.
    fn key(length: usize) -> String {
        let digits: String = (0u64..8)
            .map(|n| {
                format!(
                    "{:016x}",
                    n.wrapping_add(7).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                )
            })
            .collect();
        digits[..length].to_owned()
    }

    #[test]
    fn placeholders_are_known() {
        for value in [
            "dev",
            "changeme",
            "change-me",
            "you-will-never-guess",
            "super secret key",
            "secret123",
            "please-change-me",
            "<your secret key>",
            "reallyhardtoguess",
        ] {
            assert_eq!(Weakness::of(value), Some(Weakness::Known), "{value}");
        }
    }

    #[test]
    fn strength_is_judged() {
        assert_eq!(Weakness::of(&key(64)), None);
        assert_eq!(Weakness::of(&key(32)), None);
        assert!(matches!(Weakness::of("x7Kq"), Some(Weakness::Short(4))));
        let repeated = "abababababababababababababababab";
        assert!(matches!(
            Weakness::of(repeated),
            Some(Weakness::Monotonous(_))
        ));
        let prose = "correct horse battery staple and more";
        assert!(matches!(Weakness::of(prose), Some(Weakness::Monotonous(_))));
        assert_eq!(mark("a"), mark("a"));
        assert_ne!(mark("a"), mark("b"));
        assert_eq!(mark("a").len(), 8);
    }
}
