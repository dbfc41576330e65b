use super::*;

fn commands(text: &str) -> Vec<String> {
    let script = parse(&Mapped::verbatim(text, 0));
    let commands = script.commands.iter();
    commands
        .map(|command| {
            let words: Vec<_> = command
                .words
                .iter()
                .map(|word| word.text().to_owned())
                .collect();
            words.join("·")
        })
        .collect()
}

#[test]
fn words_lose_their_quotes_and_keep_expansions() {
    assert_eq!(
        commands(
            r#"gunicorn -b "0.0.0.0:$PORT" 'app:create_app()' a\ b ${X:-"y z"} $(date +"%s")"#
        ),
        [r#"gunicorn·-b·0.0.0.0:$PORT·app:create_app()·a b·${X:-"y z"}·$(date +"%s")"#]
    );
}

#[test]
fn commands_end_at_operators_and_lines() {
    let text = "set -e # stop\ncd app && flask run\\\n  --debug; a | b &\nexec gunicorn app:app";
    assert_eq!(
        commands(text),
        [
            "set·-e",
            "cd·app",
            "flask·run·--debug",
            "a",
            "b",
            "exec·gunicorn·app:app"
        ]
    );
    let script = parse(&Mapped::verbatim(text, 0));
    assert_eq!(script.commands[2].follows, Follows::And);
    assert_eq!(script.commands[5].follows, Follows::Background);
    let span = script.commands[2].span;
    assert_eq!(&text[span.start..span.end], "flask run\\\n  --debug");
}

#[test]
fn a_line_break_behind_and_keeps_it() {
    let script = parse(&Mapped::verbatim("a &&\n  b\nc", 0));
    assert_eq!(script.commands[1].follows, Follows::And);
    assert_eq!(script.commands[2].follows, Follows::Sequence);
}

#[test]
fn assignments_are_told_from_words() {
    let text = "FLASK_DEBUG=1 KEY=\"a b\" flask run\nexport A='x' B=$(pw) C=a\"b\"\nX=1\nset X=1";
    let script = parse(&Mapped::verbatim(text, 0));
    let values = |command: &Command| -> Vec<(String, String, String)> {
        let all = command
            .exports()
            .into_iter()
            .chain(command.assignments.clone());
        all.map(|it| {
            let written = &text[it.value_span.start..it.value_span.end];
            (it.name, it.value, written.to_owned())
        })
        .collect()
    };
    let as_owned = |name: &str, value: &str, written: &str| {
        (name.to_owned(), value.to_owned(), written.to_owned())
    };
    assert_eq!(
        values(&script.commands[0]),
        [
            as_owned("FLASK_DEBUG", "1", "1"),
            as_owned("KEY", "a b", "a b")
        ]
    );
    assert!(script.commands[0].exports().is_empty());
    assert_eq!(
        values(&script.commands[1]),
        [
            as_owned("A", "x", "x"),
            as_owned("B", "$(pw)", "$(pw)"),
            as_owned("C", "ab", "a\"b\"")
        ]
    );
    assert_eq!(script.commands[2].exports().len(), 1);
    assert!(script.commands[3].exports().is_empty());
}

#[test]
fn a_quoted_assignment_keeps_its_quotes_out() {
    let text = "docker run -e \"FLASK_DEBUG=1\" image";
    let script = parse(&Mapped::verbatim(text, 0));
    let assignment = script.commands[0].words[3].assignment().unwrap();
    assert_eq!(assignment.value, "1");
    assert_eq!(
        &text[assignment.value_span.start..assignment.value_span.end],
        "1"
    );
}

#[test]
fn here_documents_and_comments_hold_no_commands() {
    let text = "cat <<'EOF' > /x.sh\nflask run --debug\nEOF\ncat <<-END\n\tflask run\n\tEND\n# flask run\necho a#b";
    assert_eq!(commands(text), ["cat", "cat", "echo·a#b"]);
    let script = parse(&Mapped::verbatim(text, 0));
    assert_eq!(script.commands[0].writes, ["/x.sh"]);
    let body = script.commands[0].here_document.unwrap();
    assert_eq!(&text[body.start..body.end], "flask run --debug\n");
}

#[test]
fn redirections_are_no_words() {
    assert_eq!(
        commands("gunicorn app:app >> log 2>&1 < /dev/null"),
        ["gunicorn·app:app"]
    );
}

#[test]
fn branches_tell_the_conditions() {
    let text = "if [ \"$FLASK_ENV\" = development ]; then\n  flask run\nelse\n  gunicorn app:app\nfi\n\
                case $1 in\n  dev|local) flask run --debug;;\n  *)\n    uwsgi;;\nesac\nserve() {\n  waitress-serve x:y\n}\nlast";
    let script = parse(&Mapped::verbatim(text, 0));
    let branches = |program: &str| -> Vec<(String, bool)> {
        let command = script
            .commands
            .iter()
            .find(|it| it.program() == Some(program))
            .unwrap();
        let branches = command.branches.iter();
        branches
            .map(|branch| (branch.text.clone(), branch.negated))
            .collect()
    };
    let condition = "[ $FLASK_ENV = development ]".to_owned();
    assert_eq!(branches("flask"), [(condition.clone(), false)]);
    assert_eq!(branches("gunicorn"), [(condition, true)]);
    assert_eq!(branches("uwsgi"), [("*".to_owned(), false)]);
    assert_eq!(branches("waitress-serve"), [("serve".to_owned(), false)]);
    assert!(branches("last").is_empty());
    let debug = script
        .commands
        .iter()
        .find(|it| it.words.len() == 3 && it.program() == Some("flask"));
    let label = &debug.unwrap().branches[0];
    assert_eq!(label.text, "dev|local");
    assert_eq!(label.subject.as_deref(), Some("$1"));
}

#[test]
fn a_case_may_stand_on_one_line() {
    let script = parse(&Mapped::verbatim(
        "case $1 in dev) flask run;; *) gunicorn x;; esac; last",
        0,
    ));
    let labels: Vec<_> = script
        .commands
        .iter()
        .map(|it| it.branches.first().map(|it| it.text.as_str()))
        .collect();
    assert_eq!(labels, [Some("dev"), Some("*"), None]);
}

#[test]
fn loops_and_subshells_are_transparent() {
    assert_eq!(
        commands(
            "for i in 1 2; do\n  echo $i\ndone\n(cd a; flask run)\nwhile ! ping x; do sleep 1; done"
        ),
        ["echo·$i", "cd·a", "flask·run", "ping·x", "sleep·1"]
    );
}

#[test]
fn template_tags_do_not_fall_apart() {
    assert_eq!(
        commands("{{ bin_path }}/gunicorn -b {{host}}:{{ port | default(80) }} {a,b} {{"),
        ["{{ bin_path }}/gunicorn·-b·{{host}}:{{ port | default(80) }}·{a,b}·{{"]
    );
}

#[test]
fn arrays_hold_no_commands() {
    assert_eq!(
        commands("A=(flask run)\nB+=(--x)\ngunicorn \"${A[@]}\""),
        ["", "", "gunicorn·${A[@]}"]
    );
}

#[test]
fn splitting_without_a_shell_knows_no_operators() {
    let text = Mapped::verbatim("gunicorn 'a b' c&d \"x\\\"y\" # z", 5);
    let words = split(&text);
    let texts: Vec<&str> = words.iter().map(Word::text).collect();
    assert_eq!(texts, ["gunicorn", "a b", "c&d", "x\"y", "#", "z"]);
    assert_eq!(words[0].span, Span::new(5, 13));
}

#[test]
fn broken_text_ends() {
    for text in [
        "'",
        "\"",
        "\\",
        "$(",
        "`",
        "a <<",
        "a <<EOF\nx",
        "((",
        "}}",
        "fi",
        "é\\",
        "<",
        "a > ",
        "x=$((1+",
        "case",
    ] {
        let _ = commands(text);
        let _ = split(&Mapped::verbatim(text, 0));
    }
}
