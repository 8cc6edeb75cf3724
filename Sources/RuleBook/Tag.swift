internal import Settings

/// Tags in the form of Sigma 2.1.0 (its appendix of tags): `namespace.value`, in lower case.
enum Tag {
    static let namespaces = ["attack", "car", "cve", "d3fend", "detection", "stp", "tlp"]

    /// ATT&CK's enterprise tactics: v19 with `stealth` and `defense-impairment`, and v18's
    /// `defense-evasion`, which many rules still carry.
    static let tactics = [
        "reconnaissance", "resource-development", "initial-access", "execution", "persistence",
        "privilege-escalation", "stealth", "defense-impairment", "defense-evasion",
        "credential-access", "discovery", "lateral-movement", "collection",
        "command-and-control", "exfiltration", "impact",
    ]

    /// `t1078` or `t1078.004`.
    static func isTechnique(_ value: Substring) -> Bool {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard let first = parts.first, isNumbered(first, "t"), parts.count <= 2 else {
            return false
        }
        return parts.count == 1
            || (parts[1].utf8.count == 3 && parts[1].utf8.allSatisfy { (48...57).contains($0) })
    }

    /// A letter and four digits.
    private static func isNumbered(_ value: Substring, _ letter: Character) -> Bool {
        value.first == letter && value.utf8.count == 5
            && value.utf8.dropFirst().allSatisfy { (48...57).contains($0) }
    }

    /// What is wrong with a tag, or nil.
    static func problem(with tag: String) -> String? {
        let parts = tag.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
            tag.utf8.allSatisfy({ byte in
                (97...122).contains(byte) || (48...57).contains(byte)
                    || byte == 0x2E || byte == 0x2D || byte == 0x5F
            })
        else {
            return "The tag '\(tag)' is not of the form 'namespace.value' in lower case, as "
                + "'attack.t1078'."
        }
        let namespace = String(parts[0])
        guard namespaces.contains(namespace) else {
            return "Unknown tag namespace '\(namespace)'." + hint(for: namespace, among: namespaces)
        }
        guard namespace == "attack" else { return nil }
        let value = parts[1]
        if isTechnique(value) || isNumbered(value, "g") || isNumbered(value, "s") { return nil }
        if tactics.contains(String(value)) { return nil }
        if value.first == "t", value.dropFirst().first?.isNumber == true {
            return "'\(value)' is not a technique's id. Write it as 't1078' or 't1078.004'."
        }
        let nearest = nearestWord(to: String(value), among: tactics)
        return "Unknown ATT&CK tactic '\(value)'."
            + (nearest.map { " Did you mean '\($0)'?" }
                ?? " Use a technique as 't1078' or a tactic as 'initial-access'.")
    }
}
