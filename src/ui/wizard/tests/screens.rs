//! Every screen at every size.

use ratatui::style::{Color, Style};

use super::{press, sample, screen};
use crate::error::{Error, GitError};
use crate::git::Created;
use crate::ui::outcome::Applied;
use crate::ui::wizard::action::Action;
use crate::ui::wizard::state::State;
use crate::ui::wizard::theme::Theme;
use crate::ui::wizard::update::update;
use crate::ui::wizard::widgets::text::width;

const SIZES: [(u16, u16); 7] = [
    (140, 30),
    (120, 40),
    (80, 24),
    (60, 16),
    (40, 10),
    (20, 5),
    (1, 1),
];

/// The screens of one state at all sizes, each under its size.
fn gallery(make: impl Fn((u16, u16)) -> State) -> String {
    let mut text = String::new();
    for size in SIZES {
        let shown = screen(&make(size));
        for line in shown.lines() {
            assert!(width(line) <= usize::from(size.0), "{size:?}: {line}");
        }
        text.push_str(&format!("=== {}x{}\n{shown}", size.0, size.1));
    }
    text
}

fn after(keys: &'static [&'static str]) -> impl Fn((u16, u16)) -> State {
    move |size| {
        let mut state = sample::state(size);
        press(&mut state, keys);
        state
    }
}

fn reviewed(size: (u16, u16)) -> State {
    let mut state = sample::state(size);
    press(&mut state, &["a"]);
    let previewed = Box::new(sample::previewed(&state));
    update(&mut state, Action::Previewed(previewed));
    state
}

#[test]
fn scanning() {
    let make = |size| State::new("/srv/shop".into(), size, Theme::MONO);
    insta::assert_snapshot!(gallery(make));
}

#[test]
fn a_failed_scan() {
    let make = |size| {
        let mut state = State::new("/srv/shop".into(), size, Theme::MONO);
        let error = Error::NoPython {
            path: "/srv/shop".into(),
        };
        update(&mut state, Action::Scanned(Err(error)));
        state
    };
    insta::assert_snapshot!(gallery(make));
}

#[test]
fn strategies() {
    insta::assert_snapshot!(gallery(after(&[])));
}

#[test]
fn findings() {
    insta::assert_snapshot!(gallery(after(&["j", "j", "enter"])));
}

#[test]
fn a_secret_is_masked_and_a_question_is_asked() {
    let keys = after(&["j", "enter"]);
    let text = gallery(&keys);
    assert!(!text.contains("not-a-real-key"), "{text}");
    insta::assert_snapshot!(text);
    let question = screen(&after(&["j", "enter", "j"])((120, 40)));
    assert!(question.contains("Does production set SECRET_KEY from a store?"));
}

#[test]
fn a_patch() {
    insta::assert_snapshot!(gallery(after(&["j", "j", "enter", "enter"])));
}

#[test]
fn a_patch_side_by_side() {
    let state = after(&["j", "j", "enter", "enter", "s"])((144, 30));
    insta::assert_snapshot!(screen(&state));
}

#[test]
fn options_of_a_remedy() {
    insta::assert_snapshot!(gallery(after(&["enter", "j", "o", "enter"])));
}

#[test]
fn the_review() {
    insta::assert_snapshot!(gallery(reviewed));
}

#[test]
fn a_branch_that_could_not_be_made() {
    let make = |size| {
        let mut state = reviewed(size);
        let error = GitError::Uncommitted {
            paths: vec!["shop/views.py".into()],
        };
        update(&mut state, Action::Applied(Err(error.into())));
        state
    };
    insta::assert_snapshot!(gallery(make));
}

#[test]
fn the_result() {
    let make = |size| {
        let mut state = reviewed(size);
        let applied = Applied {
            created: Created {
                branch: "flask-harden".into(),
                tip: "0".repeat(40),
                commits: vec![(
                    "1a2b3c4".into(),
                    "fix(security): keep file access inside its folders".into(),
                )],
            },
            follow_ups: vec!["For local debugging use `flask run --debug`.".into()],
        };
        update(&mut state, Action::Applied(Ok(Box::new(applied))));
        state
    };
    insta::assert_snapshot!(gallery(make));
}

#[test]
fn help() {
    insta::assert_snapshot!(gallery(after(&["?"])));
}

#[test]
fn about_the_scan() {
    let state = after(&["."])((100, 30));
    let text = screen(&state);
    insta::with_settings!({filters => vec![(r"as of \d{4}-\d\d-\d\d \([^│]*", "as of DATE (SOURCE")]}, {
        insta::assert_snapshot!(text);
    });
}

#[test]
fn a_page() {
    let state = after(&["j", "j", "enter", "i"])((100, 20));
    insta::assert_snapshot!(screen(&state));
}

#[test]
fn leaving_asks() {
    insta::assert_snapshot!(gallery(after(&["enter", "space", "q"])));
}

/// The styles of a screen, cell by cell.
fn styles(state: &State) -> Vec<Style> {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    let backend = TestBackend::new(state.size.0, state.size.1);
    let mut terminal = Terminal::new(backend).unwrap();
    terminal
        .draw(|frame| crate::ui::wizard::view::view(state, frame))
        .unwrap();
    let cells = terminal.backend().buffer().content().iter();
    cells.map(ratatui::buffer::Cell::style).collect()
}

#[test]
fn only_the_coloured_theme_has_colours() {
    let has_colour = |style: &Style| {
        let is_set = |color: Option<Color>| color.is_some_and(|color| color != Color::Reset);
        is_set(style.fg) || is_set(style.bg)
    };
    for keys in [&[][..], &["enter"], &["j", "j", "enter", "enter"], &["?"]] {
        let mut state = sample::state((120, 40));
        press(&mut state, keys);
        assert!(!styles(&state).iter().any(has_colour), "{keys:?}");
        state.theme = Theme::COLORED;
        assert!(styles(&state).iter().any(has_colour), "{keys:?}");
        let mut mono = sample::state((120, 40));
        press(&mut mono, keys);
        // Colour is never alone: the words are the same.
        assert_eq!(screen(&state), screen(&mono));
    }
}

#[test]
fn any_size_can_be_drawn() {
    for keys in [
        &[][..],
        &["enter"],
        &["j", "j", "enter", "enter"],
        &["enter", "j", "o"],
    ] {
        let mut state = sample::state((120, 40));
        press(&mut state, keys);
        for width in [0, 1, 2, 39, 40, 59, 60, 99, 100, 140, 300] {
            for height in [0, 1, 2, 9, 10, 15, 16, 19, 20, 60] {
                update(&mut state, Action::Resize(width, height));
                press(&mut state, &["pgdn", "G", "tab", "j", "g"]);
                screen(&state);
            }
        }
    }
}
