//! When things happen: more in the evening than at night.

const HOUR_MS: i64 = 3_600_000;
/// The day begins eight hours before it does in Greenwich.
const OFFSET_MS: i64 = 8 * HOUR_MS;
/// How busy each hour of the day is.
const HOURS: [u32; 24] =
    [10, 6, 4, 3, 3, 5, 12, 25, 45, 60, 65, 55, 45, 50, 60, 62, 60, 58, 70, 95, 100, 85, 50, 22];

/// A stretch of time, and how its happenings are spread over it.
#[derive(Clone, Debug)]
pub struct Rhythm {
    from_unix_ms: i64,
    /// The end of each piece, and what came before it of all that comes.
    pieces: Vec<(i64, f64)>,
}

impl Rhythm {
    /// That of a stretch that is not empty.
    pub fn new(from_unix_ms: i64, until_unix_ms: i64) -> Self {
        let mut pieces = Vec::new();
        let (mut at, mut sum) = (from_unix_ms, 0.0);
        while at < until_unix_ms {
            let next = ((at + OFFSET_MS).div_euclid(HOUR_MS) + 1) * HOUR_MS - OFFSET_MS;
            let end = next.min(until_unix_ms);
            let hour = (at + OFFSET_MS).div_euclid(HOUR_MS).rem_euclid(24);
            sum += f64::from(HOURS[hour as usize]) * (end - at) as f64;
            pieces.push((end, sum));
            at = end;
        }
        for piece in &mut pieces {
            piece.1 /= sum;
        }
        Self { from_unix_ms, pieces }
    }

    /// When that share of all has come.
    pub fn at_unix_ms(&self, share: f64) -> i64 {
        let place = self.pieces.partition_point(|(_, sum)| *sum <= share);
        let (begin, before) = match place.checked_sub(1) {
            Some(earlier) => self.pieces[earlier],
            None => (self.from_unix_ms, 0.0),
        };
        let Some(&(end, sum)) = self.pieces.get(place) else { return begin };
        begin + ((end - begin) as f64 * (share - before) / (sum - before)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_from_end_to_end_and_is_busier_in_the_evening() {
        let day = Rhythm::new(-OFFSET_MS, -OFFSET_MS + 24 * HOUR_MS);
        let hour = |share| (day.at_unix_ms(share) + OFFSET_MS) as f64 / HOUR_MS as f64;
        assert_eq!((hour(0.0), hour(1.0)), (0.0, 24.0));
        assert!(hour(0.5) > 15.0 && hour(0.5) < 17.0, "{}", hour(0.5));
    }
}
