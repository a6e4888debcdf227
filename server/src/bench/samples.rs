//! Many measurements of one thing.

use std::time::Duration;

/// Measurements, in no particular order.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// The most that are kept; of more, every second one is dropped, and so on.
    const KEPT_MAX: usize = 1 << 20;

    /// Adds a measurement.
    pub fn add(&mut self, duration: Duration) {
        self.0.push(duration.as_secs_f64());
        if self.0.len() >= Self::KEPT_MAX {
            let mut index = 0;
            self.0.retain(|_| {
                index += 1;
                index % 2 == 0
            });
        }
    }

    /// Adds the measurements of another thread.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// So many quantiles at equal distances, from the smallest to the largest; empty when nothing was measured.
    #[must_use]
    pub fn quantiles(&self, count: usize) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else {
            return Vec::new();
        };
        let steps = count.max(2) - 1;
        (0..=steps)
            .map(|step| sorted[(last * step + steps / 2) / steps])
            .collect()
    }

    /// The middle one; 0 when nothing was measured.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantiles(3).get(1).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(numbers: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::default();
        for number in numbers {
            samples.add(Duration::from_secs(number));
        }
        samples
    }

    #[test]
    fn quantiles_are_measurements_in_order() {
        let samples = samples((0..=100).rev());
        assert_eq!(samples.median(), 50.0);
        assert_eq!(samples.quantiles(5), [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(samples.quantiles(101)[99], 99.0);
    }

    #[test]
    fn few_measurements_have_quantiles_too() {
        assert_eq!(samples([7]).quantiles(3), [7.0, 7.0, 7.0]);
        assert_eq!(samples([]).quantiles(3), [0.0; 0]);
        assert_eq!(samples([]).median(), 0.0);
    }

    #[test]
    fn very_many_are_thinned() {
        let mut samples = Samples::default();
        for _ in 0..Samples::KEPT_MAX + 10 {
            samples.add(Duration::from_secs(1));
        }
        assert!(samples.0.len() < Samples::KEPT_MAX);
        assert_eq!(samples.median(), 1.0);
    }
}
