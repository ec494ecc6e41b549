import Glibc

/// A path from the root, without `.` and `..`. Those are resolved by name, as a shell does, not through symbolic links.
struct AbsolutePath {
    private let components: [Substring]

    init(_ path: String, in folder: AbsolutePath) {
        components = path.split(separator: "/").reduce(into: path.hasPrefix("/") ? [] : folder.components) {
            switch $1 {
            case ".": break
            case "..": _ = $0.popLast()
            default: $0.append($1)
            }
        }
    }

    private init(components: [Substring]) {
        self.components = components
    }

    static var workingFolder: AbsolutePath {
        guard let path = getcwd(nil, 0) else { return AbsolutePath(components: []) }
        defer { free(path) }
        return AbsolutePath(String(cString: path), in: AbsolutePath(components: []))
    }

    var parent: AbsolutePath { AbsolutePath(components: components.dropLast()) }

    var text: String { "/" + components.joined(separator: "/") }
}
