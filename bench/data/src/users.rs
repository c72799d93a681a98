//! The directory: users with ids from 1, each a function of its id.

use crate::mix;

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// From 1, without gaps.
    pub id: u64,
    /// What others see; one in two is Chinese.
    pub name: String,
    /// An address of about 60 bytes.
    pub portrait: String,
    /// None to three.
    pub tags: Vec<&'static str>,
    /// None to two pairs.
    pub ext: Vec<(&'static str, String)>,
}

const SYLLABLES: [&str; 16] = [
    "an", "bel", "cor", "dan", "el", "fi", "gar", "hel", "is", "jo", "ka", "lin", "mar", "na",
    "or", "ty",
];
const FAMILIES: [&str; 16] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "林",
];
const GIVEN: [&str; 16] = [
    "小", "雨", "明", "子", "文", "佳", "思", "晓", "宇", "欣", "志", "美", "天", "海", "春", "云",
];
const TAGS: [&str; 8] =
    ["vip", "teacher", "student", "trial", "beta", "moderator", "annual", "newcomer"];
const CITIES: [&str; 8] =
    ["Shanghai", "Beijing", "Shenzhen", "Chengdu", "Singapore", "Jakarta", "Tokyo", "Berlin"];

/// The user with this id.
pub fn user(id: u64) -> User {
    let mut random = fastrand::Rng::with_seed(mix(id));
    let name = match random.bool() {
        true => format!(
            "{}{}{}",
            pick(&mut random, &FAMILIES),
            pick(&mut random, &GIVEN),
            pick(&mut random, &GIVEN)
        ),
        false => {
            let syllables = random.usize(2..5);
            let word: String = (0..syllables).map(|_| pick(&mut random, &SYLLABLES)).collect();
            format!("{word} {}", random.u32(1..10_000))
        }
    };
    let portrait = format!("https://img.example.com/portraits/{:016x}/256.webp", random.u64(..));
    let first_tag = random.usize(..);
    let tags = (0..random.usize(0..4)).map(|place| TAGS[(first_tag + place * 3) % 8]).collect();
    let mut ext = Vec::new();
    let pairs = random.usize(0..3);
    if pairs > 0 {
        ext.push(("level", random.u32(1..100).to_string()));
    }
    if pairs > 1 {
        ext.push(("city", pick(&mut random, &CITIES).to_owned()));
    }
    User { id, name, portrait, tags, ext }
}

fn pick(random: &mut fastrand::Rng, words: &[&'static str]) -> &'static str {
    words[random.usize(..words.len())]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_user_is_a_function_of_the_id_and_has_no_tag_twice() {
        for id in 1..2_000 {
            let User { tags, ext, .. } = user(id);
            assert_eq!(user(id).tags, tags);
            assert_eq!(tags.iter().collect::<HashSet<_>>().len(), tags.len());
            assert!(tags.len() <= 3 && ext.len() <= 2);
        }
        assert_ne!(user(1).portrait, user(2).portrait);
    }
}
