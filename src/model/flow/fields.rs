//! Declared fields: what marshmallow, webargs and WTForms check of a value, and what the validators
//! that Pydantic declares do.

use std::rc::Rc;

use ruff_python_ast::Expr;

use super::call::Args;
use super::classes::is_class;
use super::facts::Facts;
use super::heap::{Dict, Obj, State};
use super::interp::{Frame, Interp};
use super::pattern;
use super::value::{Code, Func, Key, ObjId, Place, Value, hash, mix};

/// What a field, or a validator, lets through.
#[derive(Clone, Default)]
pub(super) struct Rule<'a> {
    pub facts: Facts,
    /// Functions that raise, or answer false, on what they do not want.
    pub checks: Vec<Value<'a>>,
}

/// Schemas in schemas deeper than this are one value.
const DEEPEST_SCHEMA: u8 = 4;

/// Methods of a marshmallow schema that check a mapping and give what is left of it.
const LOADS: [&str; 2] = ["load", "loads"];

const NUMBERS: &[&str] = &[
    "Int",
    "Integer",
    "Float",
    "Decimal",
    "Number",
    "Bool",
    "Boolean",
    "UUID",
    "Date",
    "DateTime",
    "NaiveDateTime",
    "AwareDateTime",
    "Time",
    "TimeDelta",
    "Enum",
    "Constant",
    "IP",
    "IPv4",
    "IPv6",
];

impl<'a> Interp<'a> {
    /// The call of a field's or a validator's class.
    pub fn field_call(
        &mut self,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let of_forms = name.starts_with("wtforms") || name.starts_with("flask_wtf");
        let of_schemas = ["marshmallow", "webargs", "apiflask"]
            .iter()
            .any(|library| name.contains(library));
        let rule = if name.starts_with("pydantic") {
            self.pydantic_rule(last, args, st)?
        } else if (of_forms || of_schemas) && name.contains("validat") {
            self.validator_rule(last, args, st)?
        } else if of_forms && last.ends_with("Field") {
            self.checks_rule(Facts::NONE, args.get(1, "validators"), st)
        } else if of_schemas && last.starts_with(char::is_uppercase) {
            let is_number = NUMBERS.contains(&last);
            let facts = match is_number {
                true => Facts::NUMERIC | Facts::HARMLESS,
                false => Facts::NONE,
            };
            let mut rule = self.checks_rule(facts, args.keyword("validate"), st);
            if matches!(last, "List" | "DelimitedList")
                && let Some(item) = args.pos.first().and_then(|item| self.rule_of(item))
            {
                rule.facts |= item.facts;
                rule.checks.extend(item.checks);
            }
            rule
        } else {
            return None;
        };
        let key = mix(hash(name), args.place.key());
        self.field_rules.insert(key, rule);
        if last == "Nested"
            && let Some(schema) = args.get(0, "nested")
        {
            self.nested_schemas.insert(key, schema.clone());
        }
        Some(Value::object(name, key, Vec::new()))
    }

    pub fn rule_of(&self, value: &Value<'a>) -> Option<Rule<'a>> {
        match value {
            Value::Any(any) => self.field_rules.get(&any.key).cloned(),
            Value::Func(_) | Value::Bound(_) => Some(Rule {
                facts: Facts::NONE,
                checks: vec![value.clone()],
            }),
            _ => None,
        }
    }

    /// What one validator, or a list of them, adds to what a field's class checks.
    fn checks_rule(
        &mut self,
        facts: Facts,
        checks: Option<&Value<'a>>,
        st: &mut State<'a>,
    ) -> Rule<'a> {
        let mut rule = Rule {
            facts,
            checks: Vec::new(),
        };
        let Some(checks) = checks else { return rule };
        let all = match self.known_items(checks, st) {
            Some(items) => items,
            None => vec![checks.clone()],
        };
        for one in all.iter().filter_map(|check| self.rule_of(check)) {
            rule.facts |= one.facts;
            rule.checks.extend(one.checks);
        }
        rule
    }

    fn validator_rule(
        &mut self,
        last: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Rule<'a>> {
        let facts = match last {
            "OneOf" | "AnyOf" | "ContainsOnly" | "Equal" => {
                let choices = args.get(0, "choices").or_else(|| args.keyword("values"))?;
                match self.deep_pieces(choices, st).is_empty() {
                    true => Facts::CONSTANT | Facts::HARMLESS,
                    false => Facts::NONE,
                }
            }
            "Regexp" => match self.pattern_text(args.get(0, "regex"), st) {
                Some(text) => pattern::facts_of_match(&text, "match", false),
                None => Facts::NONE,
            },
            "UUID" | "IPAddress" | "MacAddress" => Facts::NUMERIC | Facts::HARMLESS,
            "ContainsNoneOf" => {
                let unwanted = self.known_items(args.get(0, "iterable")?, st)?;
                let texts = unwanted.iter().filter_map(Value::constant_str);
                texts.fold(Facts::NONE, |all, text| all | super::guard::absence(&text))
            }
            "And" | "all_of" => {
                let mut rule = Rule::default();
                for one in args.pos.iter().filter_map(|check| self.rule_of(check)) {
                    rule.facts |= one.facts;
                    rule.checks.extend(one.checks);
                }
                return Some(rule);
            }
            _ => Facts::NONE,
        };
        Some(Rule {
            facts,
            checks: Vec::new(),
        })
    }

    fn pydantic_rule(
        &mut self,
        last: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Rule<'a>> {
        Some(match last {
            "Field" | "constr" | "StringConstraints" | "Query" | "Path" => {
                // The old `regex` matches from the start, the new `pattern` anywhere.
                let (pattern, method) = match args.keyword("pattern") {
                    Some(pattern) => (Some(pattern), "search"),
                    None => (args.keyword("regex"), "match"),
                };
                let text = self.pattern_text(pattern, st);
                let facts = text.map(|text| pattern::facts_of_match(&text, method, false));
                Rule {
                    facts: facts.unwrap_or_default(),
                    checks: Vec::new(),
                }
            }
            "AfterValidator" | "BeforeValidator" => self.rule_of(args.pos.first()?)?,
            _ => return None,
        })
    }

    fn pattern_text(&self, pattern: Option<&Value<'a>>, st: &State<'a>) -> Option<String> {
        let pattern = pattern?;
        if let Some(text) = pattern.constant_str() {
            return Some(text);
        }
        let Value::Ref(id) = pattern else { return None };
        match st.get(*id).as_deref() {
            Some(Obj::Instance(compiled)) if is_class(compiled, "re.Pattern") => {
                compiled.fields.get("pattern")?.constant_str()
            }
            _ => None,
        }
    }

    /// `value` as a field lets it through.
    pub fn let_through(
        &mut self,
        rule: &Rule<'a>,
        value: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let mut value = value.clone();
        if !rule.facts.is_empty() {
            let learned = self.says(&value, rule.facts);
            value = self.with_facts(&value, rule.facts, Some(place), "checked by its field");
            st.learn_all(&learned);
        }
        for check in &rule.checks {
            let mut inside = st.clone();
            let answer = self.apply(check, Args::of(place, vec![value.clone()]), &mut inside, fr);
            // It raises, or it answers whether the value will do.
            let content = match answer {
                Value::None => inside,
                answer => self.split(&answer, inside).0,
            };
            if !content.dead {
                st.learn_all(&content.learned_since(st));
            }
        }
        st.pin(&value)
    }

    /// Whether a class is a marshmallow schema.
    pub fn is_schema(&mut self, class: &Value<'a>, st: &State<'a>) -> bool {
        let base = self.external_base(class, st);
        base.is_some_and(|base| {
            ["marshmallow", "webargs", "apiflask"]
                .iter()
                .any(|library| base.contains(library))
        })
    }

    fn is_form(&mut self, class: &Value<'a>, st: &State<'a>) -> bool {
        let base = self.external_base(class, st);
        base.is_some_and(|base| base.starts_with("flask_wtf") || base.starts_with("wtforms"))
    }

    /// Whether that is a method of a schema, or of a form, that knows the declared fields.
    pub fn is_of_fields(&mut self, class: &Value<'a>, name: &str, st: &State<'a>) -> bool {
        match name {
            "validate_on_submit" | "validate" if self.is_form(class, st) => true,
            name => (LOADS.contains(&name) || name == "validate") && self.is_schema(class, st),
        }
    }

    /// A method of an instance of a schema or a form.
    pub fn fields_method(
        &mut self,
        object: ObjId,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let class = match st.get(object).as_deref() {
            Some(Obj::Instance(instance)) => instance.class.clone(),
            _ => return None,
        };
        if !self.is_of_fields(&class, name, st) {
            return None;
        }
        if self.is_form(&class, st) {
            let then = self.form_checks(&Value::Ref(object), &class, args.place, st, fr);
            return Some(super::expr::predicate(args.place, then, Vec::new()));
        }
        let payload = args.get(0, "data").cloned()?;
        if name == "validate" {
            // What it gives are the errors: where there are none, every field is as declared.
            let mut inside = st.clone();
            self.loaded_by(&class, &payload, args.place, &mut inside, fr);
            let otherwise = inside.learned_since(st);
            return Some(super::expr::predicate(args.place, Vec::new(), otherwise));
        }
        let is_many = args
            .keyword("many")
            .is_some_and(|it| it.truth() != Some(false));
        let payload = match is_many {
            true => self.any_item(&payload, args.place, st),
            false => payload,
        };
        let loaded = self.loaded(&class, &payload, args.place, DEEPEST_SCHEMA, st, fr)?;
        Some(match is_many {
            true => self.list_of(st, loaded),
            false => loaded,
        })
    }

    /// What a schema gives for a payload.
    pub fn loaded_by(
        &mut self,
        schema: &Value<'a>,
        payload: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        self.loaded(schema, payload, place, DEEPEST_SCHEMA, st, fr)
    }

    /// The schema is a class, an instance or a dict of fields.
    fn loaded(
        &mut self,
        schema: &Value<'a>,
        payload: &Value<'a>,
        place: Place,
        depth: u8,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let depth = depth.checked_sub(1)?;
        let schema = self.resolve(schema.clone(), st);
        let (class, declared) = match &schema {
            Value::Ref(id) => match st.get(*id).as_deref() {
                Some(Obj::Class(_)) => (Some(schema.clone()), None),
                Some(Obj::Instance(instance)) => (Some(instance.class.clone()), None),
                Some(Obj::Dict(dict)) => (None, Some(dict.entries.clone())),
                _ => return None,
            },
            _ => return None,
        };
        let fields: Vec<(String, Value<'a>)> = match (&class, declared) {
            (Some(class), _) if self.is_schema(class, st) => self
                .class_fields(class, st)
                .into_iter()
                .map(|(name, field)| (name.to_owned(), field))
                .collect(),
            (None, Some(entries)) => entries
                .into_iter()
                .filter_map(|(name, field)| Some((name.constant_str()?, field)))
                .collect(),
            _ => return None,
        };
        if fields.is_empty() {
            return None;
        }
        let mut found = Dict::default();
        for (name, field) in fields {
            let Value::Any(any) = &field else { continue };
            let Some(rule) = self.field_rules.get(&any.key).cloned() else {
                continue;
            };
            let key = Value::text(name.as_str());
            let raw = self.subscript(payload, &key, place, st, fr);
            let nested = self.nested_schemas.get(&any.key).cloned();
            let nested = nested.and_then(|inner| self.loaded(&inner, &raw, place, depth, st, fr));
            let mut value = match nested {
                Some(value) => value,
                None => self.let_through(&rule, &raw, place, st, fr),
            };
            if let Some(class) = &class {
                for check in self.decorated_for(class, &["validates"], &name, st) {
                    let args = Args::of(place, vec![schema.clone(), value.clone()]);
                    self.learn_from(&check, args, st);
                    value = st.pin(&value);
                }
            }
            found.set(&key, value);
        }
        let mut result = self.alloc(st, Obj::Dict(found));
        if let Some(class) = &class {
            for make in self.decorated_for(class, &["post_load"], "", st) {
                let args = Args::of(place, vec![schema.clone(), result]);
                result = self.call_function(&make, args, st);
            }
        }
        Some(result)
    }

    /// What holds where every validator of a form was content: those of its fields, and its own
    /// methods `validate_<field>`.
    fn form_checks(
        &mut self,
        form: &Value<'a>,
        class: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Vec<(Key, Facts)> {
        let mut inside = st.clone();
        for (name, field) in self.class_fields(class, st) {
            let Value::Any(any) = &field else { continue };
            let value = self.attribute(&field, "data", place, &mut inside, fr);
            let rule = self.field_rules.get(&any.key).cloned().unwrap_or_default();
            let learned = self.says(&value, rule.facts);
            inside.learn_all(&learned);
            let mut checks = rule.checks;
            let own = self.class_attribute(class, &format!("validate_{name}"), st);
            checks.extend(own);
            for check in checks {
                if let Value::Func(check) = check {
                    let args = Args::of(place, vec![form.clone(), field.clone()]);
                    self.learn_from(&check, args, &mut inside);
                }
            }
        }
        inside.learned_since(st)
    }

    /// Runs a function that raises on what it does not want.
    fn learn_from(&mut self, check: &Rc<Func<'a>>, args: Args<'a>, st: &mut State<'a>) {
        let mut inside = st.clone();
        self.call_function(check, args, &mut inside);
        if !inside.dead {
            st.learn_all(&inside.learned_since(st));
        }
    }

    /// The fields that a class declares, and its bases.
    fn class_fields(&mut self, class: &Value<'a>, st: &State<'a>) -> Vec<(&'a str, Value<'a>)> {
        let mut found: Vec<(&'a str, Value<'a>)> = Vec::new();
        self.each_scope(class, st, 8, &mut |name, value| {
            if matches!(value, Value::Any(_)) && !found.iter().any(|(known, _)| *known == name) {
                found.push((name, value.clone()));
            }
        });
        found
    }

    /// The methods of a class, and of its bases, with one of these decorators: for `field`, or
    /// for anything where that is empty.
    pub fn decorated_for(
        &mut self,
        class: &Value<'a>,
        decorators: &[&str],
        field: &str,
        st: &State<'a>,
    ) -> Vec<Rc<Func<'a>>> {
        let mut found = Vec::new();
        self.each_scope(class, st, 8, &mut |_, value| {
            if let Value::Func(func) = value
                && is_decorated_for(func, decorators, field)
            {
                found.push(Rc::clone(func));
            }
        });
        found
    }

    fn each_scope(
        &mut self,
        class: &Value<'a>,
        st: &State<'a>,
        depth: u8,
        see: &mut impl FnMut(&'a str, &Value<'a>),
    ) {
        let Value::Ref(id) = self.resolve(class.clone(), st) else {
            return;
        };
        let held = st.get(id);
        let Some(Obj::Class(class)) = held.as_deref() else {
            return;
        };
        if let Some(Obj::Scope(scope)) = st.get(class.scope).as_deref() {
            scope.vars.iter().for_each(|(name, value)| see(name, value));
        }
        if let Some(depth) = depth.checked_sub(1) {
            for base in &class.bases {
                self.each_scope(base, st, depth, see);
            }
        }
    }
}

/// Whether a decorator of that name stands above a function, for `field` or for any.
fn is_decorated_for(func: &Func<'_>, decorators: &[&str], field: &str) -> bool {
    let Code::Def(def) = func.code else {
        return false;
    };
    def.decorator_list.iter().any(|decorator| {
        let (expression, arguments) = match &decorator.expression {
            Expr::Call(call) => (&*call.func, Some(&call.arguments)),
            other => (other, None),
        };
        let last = match expression {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return false,
        };
        let is_for = |argument: &Expr| match argument {
            Expr::StringLiteral(name) => {
                matches!(name.value.to_str(), it if it == field || it == "*")
            }
            _ => false,
        };
        decorators.contains(&last)
            && (field.is_empty() || arguments.is_some_and(|it| it.args.iter().any(is_for)))
    })
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::flow::{Sink, analyse};
    use crate::model::modules::Modules;

    fn opens(source: &str) -> bool {
        let repo = Repository::from_texts([("app.py", source)]);
        let flows = analyse(&Modules::parse(&repo));
        let mut calls = flows.of_sink(|sink| matches!(sink, Sink::File(_)));
        calls.any(crate::model::flow::SinkCall::is_tainted)
    }

    fn loads(field: &str, rest: &str) -> bool {
        opens(&format!(
            "from flask import Flask, request\nfrom marshmallow import Schema, ValidationError, fields, validate, validates\napp = Flask(__name__)\n\
             def plain(value):\n    if '/' in value:\n        raise ValidationError('no')\n\
             class Body(Schema):\n    f = {field}\n{rest}\
             @app.post('/')\ndef view():\n    body = Body().load(request.get_json())\n    return {{'t': open('/srv/' + str(body['f']) + '.txt').read()}}\n"
        ))
    }

    #[test]
    fn a_schemas_fields_decide() {
        for field in [
            "fields.Integer()",
            "fields.String(validate=validate.OneOf(['a', 'b']))",
            "fields.Str(validate=[validate.Length(max=5), validate.Regexp('^[a-z]+$')])",
            "fields.Str(validate=plain)",
        ] {
            assert!(!loads(field, ""), "{field}");
        }
        for field in [
            "fields.String()",
            "fields.String(validate=validate.Length(max=5))",
            "fields.Str(validate=validate.Regexp('^[a-z/.]+$'))",
            "fields.Str(validate=validate.Regexp('[a-z]'))",
        ] {
            assert!(loads(field, ""), "{field}");
        }
        let check =
            "    @validates('f')\n    def check(self, value, **kwargs):\n        plain(value)\n";
        assert!(!loads("fields.String()", check));
        assert!(loads("fields.String()", &check.replace("'f'", "'g'")));
    }

    fn submits(field: &str, guard: &str) -> bool {
        opens(&format!(
            "from flask import Flask\nfrom flask_wtf import FlaskForm\nfrom wtforms import StringField\nfrom wtforms.validators import AnyOf, Length, Regexp, ValidationError\napp = Flask(__name__)\n\
             class F(FlaskForm):\n    f = StringField('F', validators=[{field}])\n    g = StringField('G')\n    def validate_g(self, field):\n        if '/' in field.data:\n            raise ValidationError('no')\n\
             @app.post('/')\ndef view():\n    form = F()\n    if {guard}:\n        return {{'t': open('/srv/' + form.f.data + '.txt').read()}}\n    return ''\n"
        ))
    }

    #[test]
    fn a_forms_validators_hold_once_it_is_validated() {
        let valid = "form.validate_on_submit()";
        assert!(!submits("AnyOf(['a'])", valid));
        assert!(!submits("Regexp(r'^[a-z]+\\Z')", valid));
        assert!(submits("Regexp(r'^[a-z]+\\Z')", "form.f.data"));
        assert!(submits("Length(max=3)", valid));
    }

    fn models(field: &str, rest: &str) -> bool {
        opens(&format!(
            "from enum import Enum\nfrom typing import Annotated, Optional\nfrom flask import Flask, request\nfrom pydantic import BaseModel, Field, StringConstraints, constr, field_validator\napp = Flask(__name__)\n\
             class Kind(Enum):\n    A = 'a'\nclass Body(BaseModel):\n    f: {field}\n{rest}\
             @app.post('/')\ndef view():\n    body = Body(**request.get_json())\n    return {{'t': open('/srv/' + str(body.f) + '.txt').read()}}\n"
        ))
    }

    #[test]
    fn a_models_annotations_defaults_and_validators_decide() {
        for field in [
            "Kind",
            "Optional[Kind] = None",
            "str = Field(pattern='^[a-z]+$')",
            "Annotated[str, StringConstraints(pattern='^[a-z]+$')]",
            "constr(regex='^[a-z]+$')",
        ] {
            assert!(!models(field, ""), "{field}");
        }
        for field in [
            "str",
            "str = Field(max_length=4)",
            "str = Field(pattern='[a-z]+')",
        ] {
            assert!(models(field, ""), "{field}");
        }
        let check = "    @field_validator('f')\n    @classmethod\n    def plain(cls, v):\n        if '/' in v:\n            raise ValueError('no')\n        return v\n";
        assert!(!models("str", check));
        assert!(models("str", &check.replace("'f'", "'other'")));
    }
}
