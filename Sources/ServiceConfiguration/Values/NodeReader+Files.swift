extension NodeReader {
    /// An absolute path, whether or not something is there.
    func path() -> String? {
        string("a path").map(pass.absolutePath)
    }

    /// The absolute path of a file that whoever uses it must be able to read.
    ///
    /// - Parameter isPrivate: whether other users must be kept from reading it.
    func file(isPrivate: Bool = false) -> String? {
        guard let path = path() else { return nil }
        pass.refer(from: self) { () throws(Complaint) in
            if let complaint = ReferencedFile(path, isPrivate: isPrivate).complaint { throw complaint }
        }
        return path
    }
}
