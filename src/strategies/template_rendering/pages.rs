//! What the pages of a repository need from a Content Security Policy.

use std::collections::BTreeSet;

use crate::finding::Edit;
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::templates::Template;
use crate::parse::html::Tag;
use crate::text::{Location, Span};

/// Everything in the templates that a policy has to allow, or that it blocks.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Scripts that stand in the page: behind `<script` of those without a nonce.
    pub inline_scripts: Vec<Location>,
    /// `onclick="…"`, and links to `javascript:`. No nonce helps them.
    pub handlers: Vec<Location>,
    /// `style="…"` and `<style>`.
    pub has_inline_styles: bool,
    pub has_data_images: bool,
    /// `<object>`, `<embed>`, `<base href>` to elsewhere: what the usual limits would break.
    pub has_plugins: bool,
    pub has_base: bool,
    pub scripts: BTreeSet<String>,
    pub styles: BTreeSet<String>,
    pub fonts: BTreeSet<String>,
    pub images: BTreeSet<String>,
    pub frames: BTreeSet<String>,
    pub forms: BTreeSet<String>,
    /// A policy in the page itself.
    pub meta: Option<(Location, String)>,
    /// How many templates make pages.
    pub count: usize,
}

/// The pages of one application.
pub(super) fn of_app(model: &Model, app: AppId) -> Pages {
    let mut pages = Pages::default();
    let templates = model.templates.iter().map(|(_, template)| template);
    for template in templates.filter(|it| it.is_html()) {
        let is_application = template.file.purpose.is_application();
        if !is_application || model.apps.nearest(template.path()) != Some(app) {
            continue;
        }
        pages.count += 1;
        for tag in &template.tags {
            pages.tag(template, tag);
        }
    }
    pages
}

impl Pages {
    fn tag(&mut self, template: &Template, tag: &Tag) {
        let value = |name: &str| {
            let span = tag.attribute(name)?.value?;
            Some(template.source(span).trim())
        };
        match tag.name.as_str() {
            "script" => {
                if let Some(src) = value("src") {
                    self.scripts.extend(host(src));
                } else if tag.attribute("src").is_none()
                    && tag.attribute("nonce").is_none()
                    && is_run(value("type"))
                {
                    let at = Span::at(tag.name_end);
                    self.inline_scripts.push(template.location(at));
                }
            }
            "link" => {
                let kind = value("rel").unwrap_or_default();
                let found = value("href").and_then(host);
                match kind {
                    "stylesheet" => {
                        // Google serves the fonts of its stylesheets from another host.
                        if found.as_deref() == Some("https://fonts.googleapis.com") {
                            self.fonts.insert("https://fonts.gstatic.com".into());
                        }
                        self.styles.extend(found);
                    }
                    "icon" | "shortcut icon" | "apple-touch-icon" => {
                        self.has_data_images |= is_data(value("href"));
                        self.images.extend(found);
                    }
                    _ => {}
                }
            }
            "img" | "source" | "video" | "audio" | "input" => {
                self.has_data_images |= is_data(value("src"));
                self.images.extend(value("src").and_then(host));
            }
            "iframe" | "frame" => self.frames.extend(value("src").and_then(host)),
            "form" => self.forms.extend(value("action").and_then(host)),
            "object" | "embed" | "applet" => self.has_plugins = true,
            "base" => self.has_base |= value("href").and_then(host).is_some(),
            "style" => self.has_inline_styles = true,
            "meta" => {
                let is_policy = value("http-equiv")
                    .is_some_and(|name| name.eq_ignore_ascii_case("content-security-policy"));
                if let Some(content) = value("content").filter(|_| is_policy) {
                    let place = template.location(tag.span);
                    self.meta.get_or_insert((place, content.to_owned()));
                }
            }
            _ => {}
        }
        for attribute in &tag.attributes {
            let text = attribute.value.map(|span| template.source(span).trim());
            let is_code = text.is_some_and(|text| {
                let start = text.get(..11).unwrap_or_default();
                start.eq_ignore_ascii_case("javascript:")
            });
            let is_handler = attribute.name.starts_with("on") && text.is_some();
            if is_handler || is_code {
                let at = Span::at(attribute.name_start);
                self.handlers.push(template.location(at));
            }
            self.has_inline_styles |= attribute.name == "style";
        }
    }

    /// The edits that give every script in the pages its nonce. Templates of blueprints may be
    /// rendered by applications that have none.
    pub fn nonces(&self, model: &Model) -> Vec<Edit> {
        let edits = self.inline_scripts.iter().map(|place| {
            let quote = model.templates.at(place).map_or('"', |(_, it)| it.quote());
            let mut nonce = format!(" nonce={quote}{{{{ csp_nonce() }}}}{quote}");
            if model.templates.is_of_blueprint(&place.path) {
                nonce = format!("{{% if csp_nonce is defined %}}{nonce}{{% endif %}}");
            }
            Edit::insert(&place.path, place.span.start, nonce)
        });
        edits.collect()
    }

    /// The places of event handlers, as `path:line`, at most three of them.
    pub fn shown_handlers(&self, model: &Model) -> String {
        let places = self.handlers.iter().take(3).map(|place| {
            let file = model.repo.file(&place.path);
            let line = file.map_or(0, |file| file.text.line_of(place.span.start));
            format!("{}:{line}", place.path)
        });
        let mut shown = places.collect::<Vec<_>>().join(", ");
        if self.handlers.len() > 3 {
            shown.push_str(", …");
        }
        shown
    }

    /// The directives that the pages need, in the order of a policy.
    pub fn directives(&self) -> Vec<(&'static str, String)> {
        let own = |more: &BTreeSet<String>| {
            let mut text = "'self'".to_owned();
            for host in more {
                text.push(' ');
                text.push_str(host);
            }
            text
        };
        let mut list = vec![
            ("default-src", "'self'".to_owned()),
            ("script-src", own(&self.scripts)),
        ];
        if self.has_inline_styles || !self.styles.is_empty() {
            let inline = if self.has_inline_styles {
                " 'unsafe-inline'"
            } else {
                ""
            };
            list.push(("style-src", format!("{}{inline}", own(&self.styles))));
        }
        if !self.fonts.is_empty() {
            list.push(("font-src", own(&self.fonts)));
        }
        if self.has_data_images || !self.images.is_empty() {
            let data = if self.has_data_images { " data:" } else { "" };
            list.push(("img-src", format!("{}{data}", own(&self.images))));
        }
        if !self.frames.is_empty() {
            list.push(("frame-src", own(&self.frames)));
        }
        let plugins = if self.has_plugins { "'self'" } else { "'none'" };
        list.push(("object-src", plugins.to_owned()));
        list.push(("base-uri", "'self'".to_owned()));
        list.push(("form-action", own(&self.forms)));
        list.push(("frame-ancestors", "'self'".to_owned()));
        list
    }

    /// Every foreign host that the pages load from.
    pub fn hosts(&self) -> BTreeSet<&str> {
        let sets = [
            &self.scripts,
            &self.styles,
            &self.fonts,
            &self.images,
            &self.frames,
        ];
        sets.into_iter().flatten().map(String::as_str).collect()
    }
}

fn is_run(kind: Option<&str>) -> bool {
    kind.is_none_or(|kind| {
        let kind = kind.to_ascii_lowercase();
        kind.is_empty() || kind == "module" || kind.contains("javascript")
    })
}

fn is_data(url: Option<&str>) -> bool {
    url.is_some_and(|url| url.starts_with("data:"))
}

/// `https://host` of an absolute address that is written out.
fn host(url: &str) -> Option<String> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .or_else(|| url.strip_prefix("//"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let name = &rest[..end];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    (name.contains('.') && name.chars().all(is_plain)).then(|| format!("https://{name}"))
}
