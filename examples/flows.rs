use flask_harden::discover::Repository;
use flask_harden::model::{flow, modules::Modules};
use std::path::Path;
fn main() {
    let root = std::env::args().nth(1).unwrap();
    let all = std::env::args().nth(2).is_some();
    let t = std::time::Instant::now();
    let repo = Repository::discover(Path::new(&root)).unwrap();
    let t1 = t.elapsed();
    let modules = Modules::parse(&repo);
    let t2 = t.elapsed();
    let flows = flow::analyse(&modules);
    let t3 = t.elapsed();
    for c in &flows.calls {
        let f = repo.file(&c.call.path).unwrap();
        let line = f.text.line_of(c.call.span.start);
        match &c.outcome {
            flow::Outcome::Tainted { pieces } => {
                if matches!(
                    c.sink,
                    flow::Sink::TemplateVariable { .. }
                        | flow::Sink::CookieValue
                        | flow::Sink::File(flow::FileOperation::Probe)
                ) && !all
                {
                    continue;
                }
                println!(
                    "TAINTED {}:{} {:?} {} {:?} ctx={:?} weak={}",
                    c.call.path,
                    line,
                    c.sink,
                    c.name,
                    c.confidence,
                    c.html_context,
                    c.weak_checks.len()
                );
                println!(
                    "    {}",
                    f.text
                        .slice(c.call.span)
                        .replace('\n', " ")
                        .chars()
                        .take(200)
                        .collect::<String>()
                );
                for p in pieces {
                    println!("    <- {} {:?}", p.source_text.replace('\n', " "), p.has);
                }
                for s in &c.steps {
                    let sf = repo.file(&s.location.path).unwrap();
                    println!(
                        "      {}:{} {}",
                        s.location.path,
                        sf.text.line_of(s.location.span.start),
                        s.note
                    );
                }
            }
            o if all => println!(
                "{} {}:{} {:?} {}",
                if matches!(o, flow::Outcome::Clean) {
                    "clean"
                } else {
                    "SANIT"
                },
                c.call.path,
                line,
                c.sink,
                f.text
                    .slice(c.call.span)
                    .replace('\n', " ")
                    .chars()
                    .take(120)
                    .collect::<String>()
            ),
            _ => {}
        }
    }
    let mut kinds = std::collections::BTreeMap::new();
    for c in &flows.calls {
        let k = match &c.outcome {
            flow::Outcome::Clean => "clean",
            flow::Outcome::Sanitized { .. } => "sanitized",
            _ => "tainted",
        };
        *kinds
            .entry((
                format!("{:?}", c.sink)
                    .split([' ', '{'])
                    .next()
                    .unwrap()
                    .to_owned(),
                k,
            ))
            .or_insert(0) += 1;
    }
    println!("{kinds:?}");
    for u in &flows.undecided {
        println!(
            "undecided {}:{} {}",
            u.location.path,
            repo.file(&u.location.path)
                .unwrap()
                .text
                .line_of(u.location.span.start),
            u.why
        );
    }
    eprintln!(
        "discover {t1:?} parse {:?} flow {:?} calls {}",
        t2 - t1,
        t3 - t2,
        flows.calls.len()
    );
}
