use flask_harden::strategies::registry::CONTROLS;
use flask_harden::strategies::strategy::STRATEGIES;

use super::support::{folder, stdout, transcript};

#[test]
fn without_an_id_everything_is_listed() {
    let list = stdout(folder(&[]).path(), &["explain"]);
    for strategy in STRATEGIES {
        assert!(list.contains(&format!("{} ({})", strategy.title, strategy.id)));
    }
    for control in CONTROLS {
        let line = format!("  {} ", control.about().id);
        assert!(list.contains(&line), "{line}");
    }
}

#[test]
fn every_page_is_shown_as_it_is_written() {
    let folder = folder(&[]);
    for control in CONTROLS {
        let about = control.about();
        assert_eq!(
            stdout(folder.path(), &["explain", about.id]).trim_end(),
            about.page.trim_end()
        );
    }
    for strategy in STRATEGIES {
        let page = stdout(folder.path(), &["explain", strategy.id]);
        assert_eq!(page.trim_end(), strategy.page.trim_end());
    }
}

#[test]
fn unknown_ids_get_a_suggestion() {
    let folder = folder(&[]);
    insta::assert_snapshot!(
        "explain-unknown",
        transcript(folder.path(), &["explain", "debug-rnu"])
    );
    insta::assert_snapshot!(
        "explain-far",
        transcript(folder.path(), &["explain", "quantum"])
    );
}
