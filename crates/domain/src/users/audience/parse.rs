//! The text of an expression.

use super::{Audience, AudienceFault, DEPTH_MAX, TERMS_MAX};
use crate::users::TAG_BYTES_MAX;

type Result<T> = std::result::Result<T, AudienceFault>;

pub(super) fn parse(text: &str) -> Result<Audience> {
    let mut parser = Parser { text, at: 0, terms: 0 };
    if parser.peek()?.is_none() {
        return Ok(Audience::Everybody);
    }
    let audience = parser.expression(0)?;
    match parser.peek()? {
        None => Ok(audience),
        Some(_) => Err(AudienceFault::NoOperator(parser.at)),
    }
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    And,
    Or,
    Not,
    Open,
    Close,
    /// A tag, or the beginning of one.
    Term {
        text: String,
        is_prefix: bool,
    },
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    terms: usize,
}

impl Parser<'_> {
    /// Terms with one operator between them.
    fn expression(&mut self, depth: usize) -> Result<Audience> {
        let mut terms = vec![self.term(depth)?];
        let mut operator = None;
        while let Some((token @ (Token::And | Token::Or), behind)) = self.peek()? {
            if operator.as_ref().is_some_and(|operator| *operator != token) {
                return Err(AudienceFault::Mixed(self.at));
            }
            operator = Some(token);
            self.at = behind;
            terms.push(self.term(depth)?);
        }
        Ok(match operator {
            Some(Token::Or) => Audience::Any(terms),
            Some(_) => Audience::All(terms),
            None => terms.pop().expect("there is one"),
        })
    }

    fn term(&mut self, depth: usize) -> Result<Audience> {
        if depth > DEPTH_MAX {
            return Err(AudienceFault::TooDeep);
        }
        let at = self.at;
        let Some((token, behind)) = self.peek()? else { return Err(AudienceFault::NoTerm(at)) };
        let begins = self.at;
        self.at = behind;
        match token {
            Token::Not => Ok(Audience::Not(Box::new(self.term(depth + 1)?))),
            Token::Open => {
                let inside = self.expression(depth + 1)?;
                match self.peek()? {
                    Some((Token::Close, behind)) => self.at = behind,
                    Some(_) => return Err(AudienceFault::NoOperator(self.at)),
                    None => return Err(AudienceFault::Unclosed(begins)),
                }
                Ok(inside)
            }
            Token::Term { text, is_prefix } => {
                self.terms += 1;
                if self.terms > TERMS_MAX {
                    return Err(AudienceFault::TooManyTerms);
                }
                if text.len() > TAG_BYTES_MAX {
                    return Err(AudienceFault::TagTooLong);
                }
                Ok(if is_prefix { Audience::Prefix(text) } else { Audience::Tag(text) })
            }
            Token::And | Token::Or | Token::Close => Err(AudienceFault::NoTerm(begins)),
        }
    }

    /// The next token and where it ends; `self.at` is where it begins then.
    fn peek(&mut self) -> Result<Option<(Token, usize)>> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let one = |token| Ok(Some((token, self.at + 1)));
        match first {
            '(' => one(Token::Open),
            ')' => one(Token::Close),
            '"' => self.quoted(),
            _ => {
                let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"');
                let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
                let token = match word {
                    "AND" => Token::And,
                    "OR" => Token::Or,
                    "NOT" => Token::Not,
                    word => match word.strip_suffix('*') {
                        Some(prefix) => Token::Term { text: prefix.to_owned(), is_prefix: true },
                        None => Token::Term { text: word.to_owned(), is_prefix: false },
                    },
                };
                Ok(Some((token, self.at + word.len())))
            }
        }
    }

    fn quoted(&self) -> Result<Option<(Token, usize)>> {
        let mut text = String::new();
        let mut chars = self.text[self.at + 1..].char_indices();
        while let Some((place, c)) = chars.next() {
            match c {
                '"' => {
                    let behind = self.at + 1 + place + 1;
                    let is_prefix = self.text[behind..].starts_with('*');
                    let behind = behind + usize::from(is_prefix);
                    return Ok(Some((Token::Term { text, is_prefix }, behind)));
                }
                '\\' => match chars.next() {
                    Some((_, escaped)) => text.push(escaped),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err(AudienceFault::Unclosed(self.at))
    }
}
