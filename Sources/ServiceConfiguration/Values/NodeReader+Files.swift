extension NodeReader {
    /// An absolute path, whether or not something is there.
    func path() -> String? {
        string("a path").map(pass.absolutePath)
    }

    /// The absolute path of a file that can be read now.
    ///
    /// - Parameter isPrivate: whether other users must be kept from reading it.
    func file(isPrivate: Bool = false) -> String? {
        guard let path = path() else { return nil }
        guard let complaint = ReferencedFile(path, isPrivate: isPrivate).complaint else { return path }
        report(complaint)
        return nil
    }
}
