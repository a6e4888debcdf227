//! Tables for the terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

/// A table without lines: the first column is aligned to the left, and those after it, which
/// hold numbers, to the right.
pub(super) fn table(names: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(names)
        .add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    text(&table)
}

/// A table of texts without lines, at most as wide as is said: what is too long in the last column goes on below. The
/// others are never broken.
pub(super) fn table_of_texts(names: &[&str], rows: Vec<Vec<String>>, width: u16) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(names)
        .add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index + 1 < names.len() {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    text(&table)
}

/// The least room for a table of texts: a narrower terminal breaks its lines itself.
const WIDTH_MIN: u16 = 72;

/// How wide a table on standard output may be: as the terminal is, or 100 columns where there is none, as for the help.
pub(super) fn width() -> u16 {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map_or(100, |(terminal_size::Width(width), _)| width.max(WIDTH_MIN))
}

fn text(table: &Table) -> String {
    let text = table.to_string();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_broken_where_there_is_no_room() {
        let row = |name: &str, what: &str| vec![name.to_owned(), "1.0".to_owned(), what.to_owned()];
        let rows = vec![
            row("a", "short"),
            row(
                "a-longer-name",
                "many words that need more room than there is on one line",
            ),
        ];
        let names = ["name", "version", "what it is"];
        let wide = table_of_texts(&names, rows.clone(), 100);
        assert_eq!(wide.lines().count(), 3, "{wide}");
        let narrow = table_of_texts(&names, rows, 50);
        assert!(narrow.lines().all(|line| line.len() <= 50), "{narrow}");
        let of_names: Vec<_> = narrow
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        let expected = ["name", "a", "a-longer-name"];
        assert_eq!(
            of_names.iter().filter(|name| !name.is_empty()).count(),
            3,
            "{narrow}"
        );
        assert!(
            expected.iter().all(|name| of_names.contains(name)),
            "{narrow}"
        );
    }
}
