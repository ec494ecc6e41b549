/// A string from the file, as messages show it: quoted, on one line, at most 80 characters.
func excerpt(of string: String) -> String {
    let invisible: Set<Unicode.GeneralCategory> = [.control, .format, .lineSeparator, .paragraphSeparator]
    let shown = string.unicodeScalars.prefix(80).map { scalar in
        invisible.contains(scalar.properties.generalCategory) ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return "\"" + shown.joined() + (string.unicodeScalars.count > 80 ? "…" : "") + "\""
}
