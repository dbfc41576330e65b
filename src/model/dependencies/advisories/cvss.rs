//! The base score of a CVSS 3 vector, after the formula of CVSS v3.1's specification, §7.1.
//!
//! OSV files give vectors without the score. Version 4 vectors have no formula (their score
//! comes from a table of 270 classes); records that carry one carry a rating beside it.

/// The base score, 0.0 to 10.0; None for anything but a whole CVSS 3 vector.
pub(super) fn base_score(vector: &str) -> Option<f64> {
    let metrics = vector
        .strip_prefix("CVSS:3.1/")
        .or_else(|| vector.strip_prefix("CVSS:3.0/"))?;
    let metric = |name: &str| {
        let mut parts = metrics.split('/').filter_map(|part| part.split_once(':'));
        parts.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let changed = metric("S")? == "C";
    let impact_of = |name: &str| match metric(name)? {
        "H" => Some(0.56),
        "L" => Some(0.22),
        "N" => Some(0.0),
        _ => None,
    };
    let missed = (1.0 - impact_of("C")?) * (1.0 - impact_of("I")?) * (1.0 - impact_of("A")?);
    let base = 1.0 - missed;
    let impact = if changed {
        7.52 * (base - 0.029) - 3.25 * (base - 0.02_f64).powi(15)
    } else {
        6.42 * base
    };
    let vector_weight = match metric("AV")? {
        "N" => 0.85,
        "A" => 0.62,
        "L" => 0.55,
        "P" => 0.2,
        _ => return None,
    };
    let complexity = match metric("AC")? {
        "L" => 0.77,
        "H" => 0.44,
        _ => return None,
    };
    let privileges = match (metric("PR")?, changed) {
        ("N", _) => 0.85,
        ("L", false) => 0.62,
        ("L", true) => 0.68,
        ("H", false) => 0.27,
        ("H", true) => 0.5,
        _ => return None,
    };
    let interaction = match metric("UI")? {
        "N" => 0.85,
        "R" => 0.62,
        _ => return None,
    };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let exploitability = 8.22 * vector_weight * complexity * privileges * interaction;
    let scope = if changed { 1.08 } else { 1.0 };
    Some(rounded_up((scope * (impact + exploitability)).min(10.0)))
}

/// Up to one decimal; through integers, since 4.0 may be 4.000000001 in floating point.
fn rounded_up(score: f64) -> f64 {
    let scaled = (score * 100_000.0).round();
    if scaled % 10_000.0 == 0.0 {
        return scaled / 100_000.0;
    }
    ((scaled / 10_000.0).floor() + 1.0) / 10.0
}

#[cfg(test)]
mod tests {
    use super::base_score;

    #[test]
    fn scores_are_those_of_the_advisories() {
        for (vector, score) in [
            ("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:C/C:H/I:H/A:H", 7.2),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 7.5),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H", 5.9),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ] {
            assert_eq!(base_score(vector), Some(score), "{vector}");
        }
        assert_eq!(base_score("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N"), None);
        assert_eq!(base_score("CVSS:3.1/AV:N"), None);
    }
}
