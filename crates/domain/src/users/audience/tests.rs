//! What an expression says, and what is none.

use proptest::prelude::*;

use super::*;

fn shown(audience: &Audience) -> String {
    let list = |terms: &[Audience], word: &str| {
        let terms: Vec<String> = terms.iter().map(shown).collect();
        format!("({})", terms.join(word))
    };
    match audience {
        Audience::Everybody => String::new(),
        Audience::Tag(tag) => format!("{tag:?}"),
        Audience::Prefix(prefix) => format!("{prefix:?}*"),
        Audience::All(terms) => list(terms, " AND "),
        Audience::Any(terms) => list(terms, " OR "),
        Audience::Not(term) => format!("NOT {}", shown(term)),
    }
}

#[test]
fn an_expression_says_who_is_meant() {
    for (text, expected) in [
        ("", ""),
        (" \t", ""),
        ("vip", r#""vip""#),
        (" vip ", r#""vip""#),
        ("tag1:v1", r#""tag1:v1""#),
        ("语言", r#""语言""#),
        ("city:*", r#""city:"*"#),
        ("*", r#"""*"#),
        ("a*b", r#""a*b""#),
        (r#""a*""#, r#""a*""#),
        (r#""""#, r#""""#),
        (r#""x y"*"#, r#""x y"*"#),
        (r#""AND" AND "say \"\\""#, r#"("AND" AND "say \"\\")"#),
        ("and", r#""and""#),
        ("a AND b AND c", r#"("a" AND "b" AND "c")"#),
        ("a OR (b AND NOT c*)", r#"("a" OR ("b" AND NOT "c"*))"#),
        ("NOT NOT (a)", r#"NOT NOT "a""#),
        ("NOT(a)OR(b)", r#"(NOT "a" OR "b")"#),
        (r#""a"OR"b""#, r#"("a" OR "b")"#),
    ] {
        let parsed = Audience::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(shown(&parsed), expected, "{text}");
    }
}

#[test]
fn what_is_no_expression_is_told_with_its_place() {
    use AudienceFault::*;
    for (text, expected) in [
        ("AND", NoTerm(0)),
        ("a AND", NoTerm(5)),
        ("a OR OR b", NoTerm(5)),
        ("()", NoTerm(1)),
        (")", NoTerm(0)),
        ("NOT", NoTerm(3)),
        ("a b", NoOperator(2)),
        ("a)", NoOperator(1)),
        ("a NOT b", NoOperator(2)),
        ("a (b)", NoOperator(2)),
        ("(a b)", NoOperator(3)),
        ("a AND (b", Unclosed(6)),
        (r#"a AND "b"#, Unclosed(6)),
        (r#""b\"#, Unclosed(0)),
        ("a AND b OR c", Mixed(8)),
    ] {
        assert_eq!(Audience::parse(text), Err(expected), "{text}");
    }
}

#[test]
fn an_expression_has_limits() {
    let joined = |count: usize| vec!["t"; count].join(" OR ");
    assert!(Audience::parse(&joined(TERMS_MAX)).is_ok());
    assert_eq!(Audience::parse(&joined(TERMS_MAX + 1)), Err(AudienceFault::TooManyTerms));
    let deep = |depth: usize| format!("{}t{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Audience::parse(&deep(DEPTH_MAX)).is_ok());
    assert_eq!(Audience::parse(&deep(DEPTH_MAX + 1)), Err(AudienceFault::TooDeep));
    assert_eq!(Audience::parse(&deep(1_000_000)), Err(AudienceFault::TooDeep));
    assert_eq!(Audience::parse(&"NOT ".repeat(100_000)), Err(AudienceFault::TooDeep));
    let tag = |len: usize| "t".repeat(len);
    assert!(Audience::parse(&tag(256)).is_ok());
    assert_eq!(Audience::parse(&tag(257)), Err(AudienceFault::TagTooLong));
}

/// Expressions that can be written down.
fn audiences() -> impl Strategy<Value = Audience> {
    let tag = || prop_oneof!["[abAND* ()\"\\\\语]{0,3}", "[a-c]"];
    let leaf = prop_oneof![
        2 => tag().prop_map(Audience::Tag),
        1 => tag().prop_map(Audience::Prefix),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            some().prop_map(Audience::All),
            some().prop_map(Audience::Any),
            inner.prop_map(|term| Audience::Not(Box::new(term))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_down_is_read_again(audience in audiences()) {
        // The quotes of Rust escape more than these, none of which stands in the tags above.
        prop_assert_eq!(Audience::parse(&shown(&audience)), Ok(audience));
    }

    #[test]
    fn no_text_is_too_much(text in "[ab\"\\\\()* ANDORT]{0,60}") {
        let _ = Audience::parse(&text);
    }
}

#[test]
fn two_tags_that_nobody_had_at_two_instants_are_not_nobody() {
    let nobody = |tag: &str| Driver {
        tags: Some(vec![tag.to_owned()]),
        prefixes: vec![],
        users: Some(0),
        is_nobody: true,
    };
    let both = nobody("a").with(nobody("b"));
    assert_eq!(both.users, Some(0));
    assert!(!both.is_nobody, "somebody may have gone from one to the other in between");
}
