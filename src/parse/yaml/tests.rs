use super::*;

fn slice(text: &str, span: Span) -> &str {
    &text[span.start..span.end]
}

/// The tree as libyaml sees it, for comparison.
fn as_value(node: Node<'_>) -> yaml_serde::Value {
    use yaml_serde::Value;
    let node = node.resolved();
    if node.is_mapping() {
        let mut mapping = yaml_serde::Mapping::new();
        for entry in node.own_entries() {
            mapping.insert(as_value(entry.key), as_value(entry.value));
        }
        return Value::Mapping(mapping);
    }
    if node.is_sequence() {
        return Value::Sequence(node.items().map(as_value).collect());
    }
    let scalar = node.scalar().unwrap();
    if scalar.style != Style::Plain || node.tag() == Some("!!str") {
        return Value::String(scalar.value.as_str().to_owned());
    }
    let plain: Result<Value, _> = yaml_serde::from_str(scalar.value.as_str());
    match plain {
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value,
        _ => Value::String(scalar.value.as_str().to_owned()),
    }
}

#[track_caller]
fn agrees(text: &str) {
    use serde::Deserialize as _;
    let yaml = Yaml::parse(text);
    let ours: Vec<_> = yaml.documents().map(as_value).collect();
    let theirs: Vec<yaml_serde::Value> = yaml_serde::Deserializer::from_str(text)
        .map(|document| yaml_serde::Value::deserialize(document).unwrap())
        .collect();
    assert_eq!(ours, theirs, "{text}");
    assert_eq!(yaml.broken(), None, "{text}");
}

#[test]
fn valid_files_read_as_libyaml_reads_them() {
    let texts = [
        "a: 1\nb:\n  c: x y # z\n  d: 'it''s'\ne: \"q\\n\\u00e9\\\"\"\n",
        "- a\n- b: 1\n  c: 2\n-\n  d: 3\n- - x\n  - y\n-   e: 1\n    f: 2\n",
        "a:\n- 1\n- 2\nb:\n  - 3\n",
        "a: |\n  one\n    two\n\n  three\nb: >-\n  x\n  y\n\n  z\n    w\n  v\nc: |+\n  k\n\nd: >\n  l\n",
        "a: |2\n    x\n   y\nb: |-\n\n  lead\n",
        "a: plain\n  goes on\n\n  and on\nb: \"quoted\n  goes\n\n  on\"\nc: 'x\n  y'\n",
        "a: [1, \"b\", {c: d, \"e\": [f]}, g h]\nb: {}\nc: []\nd: [\n  x, # why\n  y,\n]\n",
        "base: &b\n  x: 1\nlist:\n  - &i item\n  - *i\n  - *b\n",
        "---\na: 1\n---\nb: 2\n...\n",
        "%YAML 1.1\n---\na: 1\n",
        "a: http://x:80/y#z\nb: a:b\nc: -1\n",
        "\"a b\": 1\n'c': 2\n3: 4\ntrue: x\n",
        "a:\n\nb: ~\nc: null\nd:\n  # only a comment\ne: ''\n",
        "# top\n\na: !!str 1\n",
        "{\"name\": \"x\", \"env\": {\"A\": \"1\", \"B\": {\"value\": \"2\"}}}\n",
        "a: x\r\nb:\r\n  - y\r\n  - z\r\nc: |\r\n  t\r\n",
        "steps:\n  - run: |\n      flask run\n      echo 'a: b'\n    env:\n      A: 1\n  - uses: x\n",
        "a: 'multi: colon'\nb: x #y\nc: x#y\nd: \"a\\\n  b\"\n",
        "key with spaces: v\nkey:with:colons: v\n",
        "command: [\"sh\", \"-c\", \"exec gunicorn 'app:create_app()'\"]\n",
        "a:\n    - b\n    -   - c\n        - d\n    - {e: f}\ng: >2\n   x\n   y\n",
    ];
    for text in texts {
        agrees(text);
    }
}

#[test]
fn spans_are_exact() {
    let text = "services:\n  web:\n    command: \"flask run\"  # why\n    environment:\n      - FLASK_DEBUG=1\n      - 'A=b'\n    x: |\n      l1\n      l2\n\n    y:\n";
    let yaml = Yaml::parse(text);
    let web = yaml.root().unwrap().at(&["services", "web"]).unwrap();
    let command = web.get("command").unwrap();
    assert_eq!(slice(text, command.span()), "\"flask run\"");
    assert_eq!(slice(text, command.scalar().unwrap().inner), "flask run");
    let list = web.get("environment").unwrap();
    let items: Vec<&str> = list.items().map(|item| slice(text, item.span())).collect();
    assert_eq!(items, ["FLASK_DEBUG=1", "'A=b'"]);
    let dashes: Vec<&str> = list.item_spans().map(|span| slice(text, span)).collect();
    assert_eq!(dashes, ["- FLASK_DEBUG=1", "- 'A=b'"]);
    let entry = web.entry("environment").unwrap();
    assert!(slice(text, entry.span()).starts_with("environment:"));
    assert!(slice(text, entry.span()).ends_with("'A=b'"));
    let block = web.get("x").unwrap();
    assert_eq!(slice(text, block.span()), "|\n      l1\n      l2");
    let scalar = block.scalar().unwrap();
    assert_eq!(slice(text, scalar.value.source(Span::new(3, 5))), "l2");
    let empty = web.get("y").unwrap();
    assert!(empty.is_null());
    assert_eq!(empty.span(), Span::at(text.len() - 1));
    assert!(slice(text, web.span()).ends_with("y:"));
}

#[test]
fn merged_entries_come_behind_own_ones() {
    let text = "x: &x\n  A: 1\n  B: 1\ny: &y\n  C: 1\nz:\n  <<: [*x, *y]\n  B: 2\n";
    let yaml = Yaml::parse(text);
    let node = yaml.root().unwrap().get("z").unwrap();
    let found: Vec<_> = node
        .entries()
        .iter()
        .map(|entry| (entry.key.as_str().unwrap(), entry.value.as_str().unwrap()))
        .collect();
    assert_eq!(found, [("B", "2"), ("A", "1"), ("C", "1")]);
    assert_eq!(node.text("A"), Some("1"));
}

#[test]
fn template_tags_are_values_or_passed_over() {
    let text = "{{- if .Values.on }}\nspec:\n  {{- with .Values.x }}\n  env:\n    - name: {{ .name }}\n      value: {{ .v | default \"a: b # c\" | quote }}\n    {{- range $k, $v := .Values.env }}\n    - name: {{ $k }}\n      value: \"{{ $v }}\"\n    {{- end }}\n{{- /*\n a: b\n*/}}\n  {{- end }}\n  labels: {{ include \"x\" . | nindent 4 }}\n  {{ .Values.key }}: v\n  args: [{{ .a }}, \"b\"]\n{{- end }}\n";
    let yaml = Yaml::parse(text);
    assert_eq!(yaml.broken(), None);
    let spec = yaml.root().unwrap().get("spec").unwrap();
    let names: Vec<_> = spec
        .get("env")
        .unwrap()
        .items()
        .map(|item| item.text("name").unwrap())
        .collect();
    assert_eq!(names, ["{{ .name }}", "{{ $k }}"]);
    let value = spec
        .get("env")
        .unwrap()
        .items()
        .next()
        .unwrap()
        .text("value");
    assert_eq!(value, Some("{{ .v | default \"a: b # c\" | quote }}"));
    assert_eq!(spec.text("{{ .Values.key }}"), Some("v"));
    assert_eq!(spec.get("args").unwrap().items().count(), 2);
}

#[test]
fn jinja_lines_do_not_break_a_playbook() {
    let text = "- hosts: web\n  tasks:\n{% for x in y %}\n    - name: a {{ x }}\n      shell: gunicorn {{ target }} -b 0.0.0.0:{{ port }}\n{% endfor %}\n    - debug: msg={{ x }}\n";
    let yaml = Yaml::parse(text);
    let tasks: Vec<_> = yaml
        .root()
        .unwrap()
        .items()
        .next()
        .unwrap()
        .get("tasks")
        .unwrap()
        .items()
        .collect();
    assert_eq!(tasks.len(), 2);
    assert_eq!(
        tasks[0].text("shell"),
        Some("gunicorn {{ target }} -b 0.0.0.0:{{ port }}")
    );
}

#[test]
fn a_broken_line_costs_only_itself() {
    let text = "a: 1\n\tb: 2\n}}}\nc:\n  d: 3\n   e: 4\n f: 5\ng: 6\n";
    let yaml = Yaml::parse(text);
    let root = yaml.root().unwrap();
    assert_eq!(root.text("a"), Some("1"));
    assert_eq!(root.at(&["c", "d"]).unwrap().as_str(), Some("3"));
    assert_eq!(root.text("g"), Some("6"));
    assert!(yaml.broken().is_some());
}

#[test]
fn hostile_text_ends() {
    let deep = "[".repeat(5000);
    let nested = "- ".repeat(5000);
    let mapping = (0..300)
        .map(|n| format!("{}a:\n", " ".repeat(n)))
        .collect::<String>();
    let texts = [
        "",
        ":",
        "- ",
        "-",
        "? ",
        "a: &",
        "a: *",
        "*a: b",
        "a: |",
        "a: >9",
        "\"",
        "'",
        "{",
        "[",
        "{a",
        "[a:",
        "{{",
        "{%",
        "a: {{ b",
        "&a &b c",
        "!!",
        "%",
        "---",
        "--- |",
        "a: b: c",
        "\t",
        "\u{feff}a: 1",
        "a: \"\\",
        "a: \"\\u12",
        "- - - a\n - b\n- c",
        "x: *x",
        "x: &x\n  <<: *x\n",
        "{{\n",
        "a:\n  {{\n  b: c",
        "é: ü\n ö",
        "]",
        "}",
        "a: [b}]",
        "? a\n: b\nc: d",
        &deep,
        &nested,
        &mapping,
    ];
    for text in texts {
        let yaml = Yaml::parse(text);
        for root in yaml.documents() {
            let _ = root.entries();
            let _ = root.resolved().as_str();
        }
    }
}
