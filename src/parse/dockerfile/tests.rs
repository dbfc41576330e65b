use super::*;

fn slice(text: &str, span: Span) -> &str {
    &text[span.start..span.end]
}

fn instruction<'a>(file: &'a Dockerfile, keyword: &str) -> &'a Instruction {
    file.instructions
        .iter()
        .find(|it| it.keyword == keyword)
        .unwrap()
}

fn env(text: &str) -> Vec<(String, Option<String>, String)> {
    let file = Dockerfile::parse(text);
    let mut found = Vec::new();
    for instruction in &file.instructions {
        if let Body::Env(pairs) | Body::Arg(pairs) = &instruction.body {
            found.extend(pairs.iter().map(|pair| {
                let written = slice(text, pair.value_span).to_owned();
                (pair.name.clone(), pair.value.clone(), written)
            }));
        }
    }
    found
}

fn row(name: &str, value: &str, written: &str) -> (String, Option<String>, String) {
    (name.into(), Some(value.into()), written.into())
}

#[test]
fn both_forms_of_env() {
    assert_eq!(
        env(
            "ENV FLASK_DEBUG 1\nenv A=1 B=\"x y\" \\\n  # why\n\n  C='z' D=a\\ b \\\n  E=\nENV L a = b # c\n"
        ),
        [
            row("FLASK_DEBUG", "1", "1"),
            row("A", "1", "1"),
            row("B", "x y", "x y"),
            row("C", "z", "z"),
            row("D", "a b", "a\\ b"),
            row("E", "", ""),
            row("L", "a = b # c", "a = b # c"),
        ]
    );
}

#[test]
fn args_may_have_a_default() {
    assert_eq!(
        env("ARG KEY=dev\nFROM x\nARG KEY\n"),
        [
            row("KEY", "dev", "dev"),
            ("KEY".into(), None, String::new())
        ]
    );
}

#[test]
fn commands_in_exec_and_shell_form() {
    let text = "FROM x\nENTRYPOINT [\"sh\", \"-c\", \"echo \\\"a\\\"\"]\nCMD flask run \\\n    --host 0.0.0.0\n";
    let file = Dockerfile::parse(text);
    let Body::Command(CommandForm::Exec(items, span)) = &instruction(&file, "ENTRYPOINT").body
    else {
        panic!("not the exec form");
    };
    assert_eq!(items[2].value.as_str(), "echo \"a\"");
    assert_eq!(slice(text, items[1].span), "\"-c\"");
    assert!(slice(text, *span).ends_with("\"]"));
    let Body::Command(CommandForm::Shell(shell)) = &instruction(&file, "CMD").body else {
        panic!("not the shell form");
    };
    let script = crate::parse::shell::parse(shell);
    let words: Vec<&str> = script.commands[0]
        .words
        .iter()
        .map(|word| word.text())
        .collect();
    assert_eq!(words, ["flask", "run", "--host", "0.0.0.0"]);
    assert_eq!(slice(text, script.commands[0].words[3].span), "0.0.0.0");
    assert_eq!(
        slice(text, instruction(&file, "CMD").span),
        "CMD flask run \\\n    --host 0.0.0.0"
    );
}

#[test]
fn an_array_that_is_no_json_is_shell_form() {
    for text in [
        "CMD ['flask', 'run']",
        "CMD [\"flask\" \"run\"]",
        "CMD [flask]",
        "CMD [ -f x ]",
    ] {
        let file = Dockerfile::parse(text);
        assert!(
            matches!(
                &file.instructions[0].body,
                Body::Command(CommandForm::Shell(_))
            ),
            "{text}"
        );
    }
    let file = Dockerfile::parse("CMD []\n");
    assert!(
        matches!(&file.instructions[0].body, Body::Command(CommandForm::Exec(items, _)) if items.is_empty())
    );
}

#[test]
fn an_exec_form_may_span_lines() {
    let text = "CMD [ \\\n  \"gunicorn\", \\\n  \"app:app\" \\\n]\n";
    let file = Dockerfile::parse(text);
    let Body::Command(CommandForm::Exec(items, span)) = &file.instructions[0].body else {
        panic!("not the exec form");
    };
    assert_eq!(items.len(), 2);
    assert_eq!(slice(text, items[1].span), "\"app:app\"");
    assert_eq!(*span, Span::new(4, text.len() - 1));
}

#[test]
fn stages_build_on_each_other() {
    let text = "ARG V=3\nFROM --platform=linux/amd64 python:${V} AS base\nENV A=1\nFROM base as Dev\nENV B=2\n\
                FROM BASE\nENV C=3\nUSER app\n";
    let file = Dockerfile::parse(text);
    assert_eq!(file.stages.len(), 3);
    assert_eq!(file.stages[0].image, "python:${V}");
    assert_eq!(file.stages[1].name.as_deref(), Some("Dev"));
    assert_eq!(file.stages[2].base, Some(0));
    assert_eq!(file.base_image(2), Some("python:${V}"));
    assert_eq!(file.instructions[0].stage, None);
    let keywords: Vec<&str> = file
        .instructions_of(2)
        .iter()
        .map(|it| it.keyword.as_str())
        .collect();
    assert_eq!(keywords, ["FROM", "ENV", "FROM", "ENV", "USER"]);
}

#[test]
fn a_stage_named_like_its_image_ends() {
    let file = Dockerfile::parse("FROM python AS python\nCMD x\n");
    assert_eq!(file.base_image(0), Some("python"));
    assert_eq!(file.instructions_of(0).len(), 2);
}

#[test]
fn here_documents_belong_to_their_instruction() {
    let text = "FROM x\nRUN <<EOF\nENV A=1\nEOF\nCOPY --chmod=755 <<-\"END\" /start.sh\n\tflask run\n\tEND\nCMD /start.sh\n";
    let file = Dockerfile::parse(text);
    let keywords: Vec<&str> = file
        .instructions
        .iter()
        .map(|it| it.keyword.as_str())
        .collect();
    assert_eq!(keywords, ["FROM", "RUN", "COPY", "CMD"]);
    let copy = instruction(&file, "COPY");
    assert_eq!(slice(text, copy.here_documents[0].body), "\tflask run\n");
    assert!(matches!(&copy.body, Body::Copy { target, .. } if target == "/start.sh"));
    assert!(slice(text, copy.span).ends_with("END"));
}

#[test]
fn the_escape_character_can_change() {
    let text =
        "# syntax=docker/dockerfile:1\n# escape=`\nFROM x\nCMD flask `\n  run\nWORKDIR C:\\app\\\n";
    let file = Dockerfile::parse(text);
    assert_eq!(file.escape, '`');
    assert_eq!(instruction(&file, "CMD").arguments.as_str(), "flask   run");
    assert_eq!(file.instructions.len(), 3);
}

#[test]
fn other_instructions() {
    let text = "FROM x\nUSER app:app\nWORKDIR /srv\nCOPY --from=build --chown=a:b [\"a b\", \"/c\"]\nADD a b /c/\nEXPOSE 80 8000/tcp\nRUN --mount=type=cache,target=/x pip install .\nHEALTHCHECK CMD curl x\n";
    let file = Dockerfile::parse(text);
    let bodies: Vec<&Body> = file.instructions.iter().map(|it| &it.body).collect();
    assert!(matches!(bodies[1], Body::User(user, _) if user == "app:app"));
    assert!(matches!(bodies[2], Body::Workdir(folder, _) if folder == "/srv"));
    assert!(
        matches!(bodies[3], Body::Copy { from: Some(from), sources, .. } if from == "build" && sources == &["a b"])
    );
    assert!(
        matches!(bodies[4], Body::Copy { from: None, sources, target } if sources.len() == 2 && target == "/c/")
    );
    assert!(matches!(bodies[5], Body::Expose(ports) if ports.len() == 2));
    assert!(
        matches!(bodies[6], Body::Command(CommandForm::Shell(text)) if text.as_str() == "pip install .")
    );
    assert!(matches!(bodies[7], Body::Other));
}

#[test]
fn broken_files_are_read_as_far_as_they_go() {
    for text in [
        "",
        "FROM",
        "ENV",
        "ENV A",
        "CMD [\"a\\",
        "CMD [\"\\u12",
        "COPY",
        "RUN <<EOF",
        "\\",
        "x \\",
        "\u{feff}FROM x",
        "CMD\r\n",
        "RUN <<",
    ] {
        let _ = Dockerfile::parse(text);
    }
    assert_eq!(
        Dockerfile::parse("\u{feff}FROM x\r\nUSER a\r\n")
            .instructions
            .len(),
        2
    );
}
