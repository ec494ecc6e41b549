/// A piece of a page or of a drawing: HTML, or SVG.
///
/// Names of elements and attributes are literals of the program. A string becomes text or the value of an attribute, and
/// is escaped on its way. There is no way to put in markup as a string, so what comes from outside cannot add any.
package struct HTML: Sendable, Equatable {
    /// Well-formed HTML, and well-formed XML in a drawing.
    package private(set) var markup: String

    private init(markup: String) {
        self.markup = markup
    }

    /// Nothing.
    package static let nothing = HTML(markup: "")

    /// Only for the first line of a page.
    static let documentType = HTML(markup: "<!doctype html>\n")

    /// The text itself. What XML cannot hold is shown as U+FFFD.
    package init(text: String) {
        markup = Self.escaped(text)
    }

    /// An element.
    /// - Parameter attributes: those that are nil are left out.
    package init(
        _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String?> = [:], @HTMLBuilder content: () -> HTML
    ) {
        markup = "<\(name)\(Self.text(of: attributes))>\(content().markup)</\(name)>"
    }

    /// An element without content: one that HTML closes by itself, or a shape of a drawing.
    package init(_ name: StaticString, _ attributes: KeyValuePairs<StaticString, String?>) {
        markup = "<\(name)\(Self.text(of: attributes)) />"
    }

    /// A sheet in its element.
    package init(_ sheet: StyleSheet) {
        markup = "<style>\(String(decoding: sheet.bytes, as: UTF8.self))</style>"
    }

    /// One after the other.
    package static func + (left: HTML, right: HTML) -> HTML { HTML(markup: left.markup + right.markup) }

    fileprivate init(joining parts: [HTML]) {
        markup = parts.map(\.markup).joined()
    }

    private static func text(of attributes: KeyValuePairs<StaticString, String?>) -> String {
        attributes.compactMap { name, value in value.map { " \(name)=\"\(escaped($0))\"" } }.joined()
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\t", "\n", "\r": escaped.unicodeScalars.append(scalar)
            case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

/// Lets an element's content be written as statements: strings, which become text, and other pieces.
@resultBuilder package enum HTMLBuilder {
    package static func buildExpression(_ text: String) -> HTML { HTML(text: text) }
    package static func buildExpression(_ piece: HTML) -> HTML { piece }
    package static func buildBlock(_ pieces: HTML...) -> HTML { HTML(joining: pieces) }
    package static func buildArray(_ pieces: [HTML]) -> HTML { HTML(joining: pieces) }
    package static func buildOptional(_ piece: HTML?) -> HTML { piece ?? .nothing }
    package static func buildEither(first piece: HTML) -> HTML { piece }
    package static func buildEither(second piece: HTML) -> HTML { piece }
}

/// A style sheet that is compiled into the program.
package struct StyleSheet: Sendable {
    package let bytes: [UInt8]
    /// SHA-256 in base64, by which a page's policy names it.
    package let digest: String

    /// Of all pages.
    package static let page = StyleSheet(
        bytes: PackageResources.page_css, digest: "c/wM6h388Njm+UufVuMYKOCW+L4esSb2tJ/6lFqwLUw=")
    /// Of drawings, in a page or in a file of their own.
    package static let drawing = StyleSheet(
        bytes: PackageResources.drawing_css, digest: "neauMPd9/veFA5glCqWafkKsDsJzw0iX7qgDES7FS3g=")
}
