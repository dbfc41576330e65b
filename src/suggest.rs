//! "Did you mean": the known name that is nearest to a mistyped one.

/// The name among `known` that `given` was most likely meant to be, or nothing when none is
/// near: at most a third of the letters may differ, or `given` is how a name begins.
pub fn closest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let given = given.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = nearest(&given, &known);
    let begun = || known.iter().find(|name| name.starts_with(&given));
    let is_telling = given.chars().count() >= SHORTEST_BEGINNING;
    let begun = is_telling.then(begun).flatten();
    nearest.or(begun.copied()).map(str::to_owned)
}

/// Shorter beginnings say too little.
const SHORTEST_BEGINNING: usize = 3;

fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (given.chars().count() / 3).max(1);
    known
        .iter()
        .map(|name| (distance(given, &name.to_lowercase()), *name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters have to be added, dropped, changed or swapped with their neighbour (optimal
/// string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut two_above = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(above[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(two_above[j - 2] + 1);
            }
        }
        two_above = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["debug-run", "debug-guard", "file-open"];
        assert_eq!(closest("debug-rnu", known).as_deref(), Some("debug-run"));
        assert_eq!(closest("Debug-Gard", known).as_deref(), Some("debug-guard"));
        assert_eq!(closest("file_open", known).as_deref(), Some("file-open"));
        assert_eq!(closest("file", known).as_deref(), Some("file-open"));
        assert_eq!(closest("template", known), None);
        assert_eq!(closest("", known), None);
    }

    #[test]
    fn a_swap_is_one_step() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("scna", "scan"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
