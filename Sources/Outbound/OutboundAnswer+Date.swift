package import TokenExchange

extension OutboundAnswer {
    /// What the server's clock said when it answered (`Date`, RFC 9110 §6.6.1), in whole seconds; later by its `Age`, if a
    /// cache kept the answer. Nil without such a date in its usual form (IMF-fixdate).
    package var date: UnixTime? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let words = (header("Date") ?? "").split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(where: { $0 == words[2] }),
            let date = UnixTime("\(words[3])-\(CalendarTime.digits(month + 1, 2))-\(words[1])T\(words[4])Z")
        else { return nil }
        guard let age = header("Age") else { return date }
        // Ten digits are three hundred years.
        return age.utf8.count <= 10 ? Int64(age).map { date + .seconds($0) } : nil
    }
}
