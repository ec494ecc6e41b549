import CountersignHTTP

/// A table of the status page, with headers for its columns and its rows.
struct StatusTable {
    /// What a cell holds.
    enum Cell {
        case text(String)
        case piece(HTML)
        /// A name, then what there is to say of it, then what to do, each on lines of its own; empty ones are left out.
        case advice(HTML, _ detail: String, _ remedy: String)
    }

    private let id: String
    private let columns: [String]
    private let rows: [[Cell]]

    /// - Parameters:
    ///   - id: of the section whose title names the table.
    ///   - columns: their headers; `#` before one aligns its cells as numbers.
    ///   - rows: the first cell of each is the row's header.
    init(of id: String, _ columns: [String], _ rows: [[Cell]]) {
        self.id = id
        self.columns = columns
        self.rows = rows
    }

    /// The table itself.
    var piece: HTML {
        HTML("table", ["aria-labelledby": "\(id)-title"]) {
            HTML("thead") {
                HTML("tr") {
                    for column in columns {
                        HTML("th", ["scope": "col", "class": alignment(column)]) {
                            column.trimmingPrefix("#").description
                        }
                    }
                }
            }
            HTML("tbody") {
                for row in rows {
                    HTML("tr") {
                        for (column, cell) in zip(columns, row) { self.cell(cell, in: column) }
                    }
                }
            }
        }
    }

    private func alignment(_ column: String) -> String? { column.hasPrefix("#") ? "number" : nil }

    private func cell(_ cell: Cell, in column: String) -> HTML {
        column == columns.first
            ? HTML("th", ["scope": "row"]) { content(cell) }
            : HTML("td", ["class": alignment(column)]) { content(cell) }
    }

    private func content(_ cell: Cell) -> HTML {
        switch cell {
        case .text(let text): return HTML(text: text)
        case .piece(let piece): return piece
        case .advice(let name, let detail, let remedy):
            let said = detail.isEmpty ? HTML.nothing : HTML("span", ["class": "detail"]) { detail }
            let advice = remedy.isEmpty ? HTML.nothing : HTML("span", ["class": "remedy"]) { remedy }
            return name + said + advice
        }
    }
}
