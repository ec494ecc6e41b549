import CountersignHTTP

/// A drawing in SVG, with what a screen reader says of it.
struct Drawing {
    /// What the ids in it begin with.
    let name: StaticString
    let title: String
    let description: String
    let width: Int
    let height: Int
    let content: HTML

    /// As a part of a page, which has the sheet.
    var piece: HTML { framed(.nothing) }

    /// As a file of its own.
    var file: String {
        let paper = HTML("rect", ["class": "paper", "width": "\(width)", "height": "\(height)"])
        return framed(HTML(.drawing) + paper).markup + "\n"
    }

    private func framed(_ ground: HTML) -> HTML {
        HTML(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "class": "drawing", "role": "img",
                "viewBox": "0 0 \(width) \(height)", "width": "\(width)", "height": "\(height)",
                "aria-labelledby": "\(name)-title \(name)-text",
            ]
        ) {
            ground
            HTML("title", ["id": "\(name)-title"]) { title }
            HTML("desc", ["id": "\(name)-text"]) { description }
            content
        }
    }
}
