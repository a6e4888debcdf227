//! The plots of a report, as SVG.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::EngineResult;
use super::units::time_text;

pub(super) type Failure = DrawingAreaErrorKind<std::io::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const FONT: &str = "system-ui, sans-serif";
const TEXT: RGBColor = RGBColor(0x33, 0x3a, 0x45);
const FAINT: RGBColor = RGBColor(0xd9, 0xde, 0xe5);

/// One colour an engine; the page uses the same for its table.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x2f, 0x6f, 0xde),
    RGBColor(0x12, 0x9b, 0x8b),
    RGBColor(0x8a, 0x5c, 0xd6),
    RGBColor(0xe0, 0x7a, 0x1f),
    RGBColor(0xc9, 0x3a, 0x5b),
    RGBColor(0x5f, 0x7d, 0x1e),
];

/// The colour of the engine at a place in the table.
pub(super) fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// A bar for each engine.
pub(super) struct Bars<'a> {
    /// What is shown, and what is better.
    pub title: &'a str,
    /// Engine, colour, and value. An engine without a value is left out.
    pub bars: Vec<(&'a str, RGBColor, Option<f64>)>,
    /// The value in words.
    pub text: fn(f64) -> String,
    /// Whether a bar ten times as large is only one step longer.
    pub logarithmic: bool,
}

impl Bars<'_> {
    const WIDTH: u32 = 460;
    const ROW: u32 = 30;
    const TOP: u32 = 40;
    const LABELS: i32 = 150;
    const VALUES: i32 = 84;

    /// The plot; empty where there is nothing to show.
    pub(super) fn svg(&self) -> Result<String, Failure> {
        let bars: Vec<_> = self
            .bars
            .iter()
            .filter_map(|(name, colour, value)| Some((*name, *colour, (*value)?)))
            .filter(|(_, _, value)| *value > 0.0)
            .collect();
        if bars.is_empty() {
            return Ok(String::new());
        }
        let height = Self::TOP + Self::ROW * bars.len() as u32 + 6;
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (Self::WIDTH, height)).into_drawing_area();
            title(&area, self.title)?;
            let largest = bars.iter().map(|bar| bar.2).fold(0.0, f64::max);
            let smallest = bars.iter().map(|bar| bar.2).fold(f64::INFINITY, f64::min);
            let room = f64::from(Self::WIDTH as i32 - Self::LABELS - Self::VALUES);
            for (index, (name, colour, value)) in bars.into_iter().enumerate() {
                let share = if self.logarithmic {
                    // The smallest bar is seen too.
                    ((value / smallest).log10() + 0.3) / ((largest / smallest).log10() + 0.3)
                } else {
                    value / largest
                };
                let y = (Self::TOP + Self::ROW * index as u32) as i32;
                let end = Self::LABELS + (room * share).max(2.0) as i32;
                let style = label(16).pos(Pos::new(HPos::Right, VPos::Center));
                area.draw_text(name, &style, (Self::LABELS - 10, y + 11))?;
                let corners = [(Self::LABELS, y), (end, y + 22)];
                area.draw(&Rectangle::new(corners, colour.filled()))?;
                let style = label(15).pos(Pos::new(HPos::Left, VPos::Center));
                area.draw_text(&(self.text)(value), &style, (end + 8, y + 11))?;
            }
            area.present()?;
        }
        Ok(svg)
    }
}

/// Latency by the share of requests that had it at most.
pub(super) fn latency(results: &[(RGBColor, &EngineResult)]) -> Result<String, Failure> {
    let latencies = results
        .iter()
        .flat_map(|(_, result)| &result.requests.latency);
    let (smallest, largest) = latencies.fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
        (low.min(*value), high.max(*value))
    });
    if largest <= 0.0 {
        return Ok(String::new());
    }
    let range = (smallest.max(1e-7) * 0.7..largest * 1.4).log_scale();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (940, 330)).into_drawing_area();
        title(
            &area,
            "Latency, by the share of requests that took at most so long",
        )?;
        let (_, below) = area.split_vertically(36);
        let mut chart = ChartBuilder::on(&below)
            .margin_right(20)
            .x_label_area_size(34)
            .y_label_area_size(76)
            .build_cartesian_2d(0.0..100.0, range)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(FAINT)
            .axis_style(FAINT)
            .x_labels(11)
            .y_labels(8)
            .label_style(label(15))
            .x_label_formatter(&|share| format!("{share:.0} %"))
            .y_label_formatter(&|latency| time_text(*latency))
            .draw()?;
        for (colour, result) in results {
            let latency = &result.requests.latency;
            let last = latency.len().saturating_sub(1).max(1) as f64;
            let points = latency.iter().enumerate();
            let points = points.map(|(index, latency)| (100.0 * index as f64 / last, *latency));
            chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        }
        area.present()?;
    }
    Ok(svg)
}

fn title(area: &Area<'_>, text: &str) -> Result<(), Failure> {
    let style = (FONT, 18).into_font().style(FontStyle::Bold).color(&TEXT);
    area.draw_text(text, &style, (2, 6))
}

fn label(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&TEXT)
}
