extension NodeReader {
    /// An absolute path; nothing need exist there.
    func path() -> String? {
        string("a path").map(pass.absolutePath)
    }

    /// The absolute path of a file that can be read, once it is used.
    ///
    /// - Parameter isPrivate: whether other users must not be able to read it.
    func file(isPrivate: Bool = false) -> String? {
        guard let path = path() else { return nil }
        pass.refer(from: self) { ReferencedFile(path, isPrivate: isPrivate).complaint }
        return path
    }
}
