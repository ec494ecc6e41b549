import Glibc

/// A path from the root, without `.` and `..`. They are resolved by name, as a shell does, without following symbolic
/// links.
struct AbsolutePath {
    private let components: [Substring]

    /// - Parameter folder: where a relative path starts.
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

    /// The root if the working folder is gone.
    static var workingFolder: AbsolutePath {
        guard let path = getcwd(nil, 0) else { return AbsolutePath(components: []) }
        defer { free(path) }
        return AbsolutePath(String(cString: path), in: AbsolutePath(components: []))
    }

    /// The root is its own parent.
    var parent: AbsolutePath { AbsolutePath(components: components.dropLast()) }

    /// Begins with a slash.
    var text: String { "/" + components.joined(separator: "/") }
}
