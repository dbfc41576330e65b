//! Actions on states.

use super::{key, press, sample, screen};
use crate::error::{Error, GitError};
use crate::ui::Outcome;
use crate::ui::survey::Tick;
use crate::ui::wizard::action::{Action, Effect, Job};
use crate::ui::wizard::state::{Overlay, Screen, State};
use crate::ui::wizard::update::update;

fn chosen(state: &State) -> Vec<&str> {
    let survey = state.survey.as_ref().unwrap();
    survey.chosen().iter().map(String::as_str).collect()
}

#[test]
fn safe_patches_are_ticked_from_the_start_and_flawed_ones_are_not() {
    let state = sample::state((120, 40));
    assert_eq!(chosen(&state), ["aa01", "cc01"]);
    let survey = state.survey.as_ref().unwrap();
    assert_eq!(survey.tick("aa02"), Tick::Open);
    assert_eq!(survey.tick("bb01"), Tick::Words);
    assert_eq!(survey.tick("cc02"), Tick::Flawed);
    assert!(!survey.is_touched());
}

#[test]
fn ticks_can_be_undone() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["enter", "space", "j", "space"]);
    assert_eq!(chosen(&state), ["aa02", "cc01"]);
    press(&mut state, &["u"]);
    assert_eq!(chosen(&state), ["cc01"]);
    press(&mut state, &["u"]);
    assert_eq!(chosen(&state), ["aa01", "cc01"]);
    press(&mut state, &["u"]);
    assert_eq!(state.notice.as_deref(), Some("There is nothing to undo."));
}

#[test]
fn a_strategy_ticks_its_safe_patches_only() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["space"]);
    assert_eq!(chosen(&state), ["cc01"]);
    press(&mut state, &["space"]);
    assert_eq!(chosen(&state), ["aa01", "cc01"]);
    assert!(
        state
            .notice
            .as_deref()
            .unwrap()
            .contains("1 wants a look first")
    );
    press(&mut state, &["X"]);
    assert!(chosen(&state).is_empty());
    press(&mut state, &["x"]);
    assert_eq!(chosen(&state), ["aa01", "cc01"]);
}

#[test]
fn what_cannot_be_ticked_says_why() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["j", "enter", "space"]);
    assert!(
        state
            .notice
            .as_deref()
            .unwrap()
            .contains("No patch can do this")
    );
    press(&mut state, &["j", "space"]);
    assert!(state.notice.as_deref().unwrap().contains("open question"));
    assert_eq!(chosen(&state), ["aa01", "cc01"]);
}

#[test]
fn enter_does_nothing_in_the_review_and_y_applies() {
    let mut state = sample::state((120, 40));
    assert!(matches!(
        press(&mut state, &["a"])[..],
        [Effect::Work(Job::Preview)]
    ));
    assert!(press(&mut state, &["y"]).is_empty());
    assert!(
        state
            .notice
            .as_deref()
            .unwrap()
            .contains("still being composed")
    );
    let previewed = Box::new(sample::previewed(&state));
    update(&mut state, Action::Previewed(previewed));
    press(&mut state, &["j"]);
    assert!(press(&mut state, &["enter", "esc"]).is_empty());
    assert!(!state.review.applying);
    let effects = press(&mut state, &["y"]);
    assert!(
        matches!(&effects[..], [Effect::Work(Job::Apply { branch, .. })] if branch == "flask-harden")
    );
    assert!(
        press(&mut state, &["y", "q", "esc"]).is_empty(),
        "one branch is enough"
    );
}

#[test]
fn a_preview_of_another_choice_is_dropped() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["a"]);
    let previewed = Box::new(sample::previewed(&state));
    press(&mut state, &["esc", "space", "a"]);
    update(&mut state, Action::Previewed(previewed));
    assert!(state.preview().is_none());
}

#[test]
fn a_bad_branch_name_stops_the_apply() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["a"]);
    let previewed = Box::new(sample::previewed(&state));
    update(&mut state, Action::Previewed(previewed));
    let effects = press(&mut state, &["b", "ctrl-u", "m", "a", "i", "n"]);
    assert!(matches!(effects.last(), Some(Effect::Work(Job::CheckBranch(name))) if name == "main"));
    let stale = Action::BranchChecked {
        name: "mai".into(),
        problem: Some("no".into()),
    };
    update(&mut state, stale);
    assert!(state.review.branch_problem.is_none());
    let problem = Some("the branch `main` exists already".to_owned());
    update(
        &mut state,
        Action::BranchChecked {
            name: "main".into(),
            problem,
        },
    );
    press(&mut state, &["enter"]);
    assert!(press(&mut state, &["y"]).is_empty());
    assert!(state.notice.as_deref().unwrap().contains("branch name"));
}

#[test]
fn a_failed_apply_loses_nothing() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["a"]);
    let previewed = Box::new(sample::previewed(&state));
    update(&mut state, Action::Previewed(previewed));
    press(&mut state, &["y"]);
    update(
        &mut state,
        Action::Applied(Err(GitError::NoIdentity.into())),
    );
    let shown = screen(&state);
    assert!(shown.contains("No branch was made"), "{shown}");
    assert!(shown.contains("git config user.name"), "{shown}");
    assert_eq!(chosen(&state), ["aa01", "cc01"]);
    assert_eq!(press(&mut state, &["y"]).len(), 1, "it can be tried again");
}

#[test]
fn leaving_asks_only_when_the_choice_is_ones_own() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["q"]);
    assert_eq!(state.ended, Some(Outcome::nothing()));
    let mut state = sample::state((120, 40));
    press(&mut state, &["enter", "space", "q"]);
    assert!(state.ended.is_none());
    press(&mut state, &["enter"]);
    assert!(state.ended.is_none(), "enter is no answer");
    press(&mut state, &["esc", "q", "y"]);
    let ticked = vec!["cc01".to_owned()];
    let left = Outcome::left(ticked, &crate::strategies::Answers::default());
    assert_eq!(state.ended, Some(left));
    let mut state = sample::state((120, 40));
    press(&mut state, &["enter", "space", "ctrl-c", "ctrl-c"]);
    assert!(state.ended.is_some(), "a second ctrl-c quits at once");
}

#[test]
fn signals_end_and_suspend() {
    let mut state = sample::state((120, 40));
    let effect = update(&mut state, Action::Signal(signal_hook::consts::SIGTSTP));
    assert!(matches!(effect, Some(Effect::Suspend)));
    update(&mut state, Action::Signal(signal_hook::consts::SIGTERM));
    assert_eq!(state.ended, Some(Outcome::Interrupted { signal: 15 }));
}

#[test]
fn choices_survive_a_rescan() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["enter", "space", "j", "space"]);
    let effects = press(&mut state, &["r"]);
    assert!(matches!(effects[..], [Effect::Work(Job::Scan(_))]));
    assert!(screen(&state).contains("scanning"));
    let (survey, _) = sample::survey();
    update(&mut state, Action::Scanned(Ok(Box::new(survey))));
    assert_eq!(chosen(&state), ["aa02", "cc01"]);
    assert_eq!(state.finding().unwrap().fingerprint, "aa02");
}

#[test]
fn a_failed_rescan_keeps_what_is_there() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["enter", "r"]);
    let error = Error::NoSuchPath {
        path: "/srv/shop".into(),
    };
    update(&mut state, Action::Scanned(Err(error)));
    assert_eq!(state.screen, Screen::Findings);
    assert!(state.notice.as_deref().unwrap().contains("no such file"));
}

#[test]
fn a_filter_hides_rows_while_it_is_typed() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["j", "j", "enter", "/"]);
    press(&mut state, &["l", "i", "n", "k", "s"]);
    assert_eq!(state.rows().len(), 1);
    assert_eq!(state.finding().unwrap().about.id, "send-directory-links");
    press(&mut state, &["enter"]);
    assert_eq!(state.rows().len(), 1);
    press(&mut state, &["esc"]);
    assert_eq!(state.rows().len(), 2);
    press(&mut state, &["/", "z", "esc"]);
    assert_eq!(state.rows().len(), 2);
}

#[test]
fn an_option_is_answered() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["enter", "o"]);
    assert!(
        state.overlay.is_none(),
        "the first finding's remedy has none"
    );
    let effects = press(&mut state, &["j", "o", "enter", "j", "enter"]);
    let answer = effects.iter().find_map(|effect| match effect {
        Effect::Work(Job::Answer { key, value }) => Some((key.as_str(), value.as_str())),
        _ => None,
    });
    assert_eq!(answer, Some(("debug-guard.form", "module")));
}

#[test]
fn the_editor_gets_path_and_line() {
    let mut state = sample::state((120, 40));
    let effects = press(&mut state, &["j", "j", "enter", "e"]);
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::Edit { path, line: 10 } if path.ends_with("shop/views.py")
    )));
}

#[test]
fn a_lost_worker_is_no_lost_choice() {
    let mut state = sample::state((120, 40));
    press(&mut state, &["a"]);
    update(&mut state, Action::WorkerLost("index out of bounds".into()));
    assert!(
        state
            .notice
            .as_deref()
            .unwrap()
            .contains("index out of bounds")
    );
    assert_eq!(chosen(&state), ["aa01", "cc01"]);
}

#[test]
fn hunks_and_patches_are_stepped_through() {
    let mut state = sample::state((100, 16));
    press(&mut state, &["j", "j", "enter", "enter", "]"]);
    let first = state.diff_scroll;
    assert!(first > 0);
    press(&mut state, &["n"]);
    assert_eq!(state.diff_scroll, 0);
    assert_eq!(state.finding().unwrap().about.id, "send-directory-links");
    press(&mut state, &["n"]);
    assert_eq!(state.notice.as_deref(), Some("That was the last one."));
    press(&mut state, &["p", "p"]);
    assert_eq!(state.notice.as_deref(), Some("That was the first one."));
}

#[test]
fn a_released_key_is_no_second_one() {
    let mut state = sample::state((120, 40));
    let mut released = key("q");
    released.kind = crossterm::event::KeyEventKind::Release;
    update(&mut state, Action::Key(released));
    assert!(state.ended.is_none());
    press(&mut state, &["?"]);
    assert!(matches!(state.overlay, Some(Overlay::Help { .. })));
}
