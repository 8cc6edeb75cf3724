import Testing

@testable import Response

struct GroupsFileTests {
    static func parse(_ text: String, _ name: String) throws(ResponseError) -> UserGroups {
        try GroupsFile.parse(Array(text.utf8), path: name)
    }

    /// The same memberships in each form.
    static let forms: [(String, String)] = [
        ("g.csv", "user,group\nann,admins\n\"Bob\", staff\n# note\n\nsvc-*,services\nann,staff\n"),
        ("g.csv", "group,user\r\nadmins,ann\r\nstaff,Bob\r\nservices,svc-*\r\nstaff,ann\r\n"),
        ("g", "ann,admins\nBob,staff\nsvc-*,services\nann,staff"),
        ("g.yaml", "admins: [ann]\nstaff:\n  - Bob\n  - ann\nservices: ['svc-*']\n"),
        ("g", "admins:\n  - ann\nstaff: [Bob, ann]\nservices: ['svc-*']\n"),
    ]

    @Test("CSV and YAML say the same", arguments: forms.indices)
    func sameInEachForm(index: Int) throws {
        let groups = try GroupsFileTests.parse(
            GroupsFileTests.forms[index].1, GroupsFileTests.forms[index].0)
        #expect(groups.groups(ofUser: "ANN", name: "") == ["admins", "staff"])
        #expect(groups.groups(ofUser: "u7", name: "bob") == ["staff"])
        #expect(groups.groups(ofUser: "svc-backup", name: "") == ["services"])
        #expect(groups.groups(ofUser: "nobody", name: "") == [])
        #expect(groups.groupNames == ["admins", "services", "staff"])
    }

    static let ldif = """
        version: 1
        # an export
        dn: uid=ann,ou=people,dc=example,dc=com
        objectClass: inetOrgPerson
        uid: ann
        mail: ann@exam
         ple.com
        jpegPhoto:: /9j/4AAQ
        cn: Ann

        dn: UID=Bob, OU=people, dc=example,dc=com
        uid:: Ym9i
        memberOf: cn=staff,ou=groups,dc=example,dc=com
        description:< file:///etc/passwd

        dn: cn=admins,ou=groups,dc=example,dc=com
        objectClass: groupOfNames
        cn: admins
        member: uid=ann,ou=people,dc=example,dc=com
        member:: dWlkPWJvYixvdT1wZW9wbGUsZGM9ZXhhbXBsZSxkYz1jb20=
        member: cn=Smith\\, Carl,ou=people,dc=example,dc=com

        dn: cn=unix,ou=groups,dc=example,dc=com
        cn: unix
        memberUid: dora
        """

    @Test("LDIF with folds, base64, members by DN and by id, and groups at the user")
    func directoryExport() throws {
        for text in [
            GroupsFileTests.ldif, GroupsFileTests.ldif.replacing("\n", with: "\r\n"),
        ] {
            let groups = try GroupsFileTests.parse(text, "export.ldif")
            #expect(groups.groups(ofUser: "ann", name: "") == ["admins"])
            #expect(groups.groups(ofUser: "", name: "ann@example.com") == ["admins"])
            #expect(groups.groups(ofUser: "bob", name: "") == ["admins", "staff"])
            #expect(groups.groups(ofUser: "Smith, Carl", name: "") == ["admins"])
            #expect(groups.groups(ofUser: "dora", name: "") == ["unix"])
            #expect(groups.memberCount == 6)
        }
    }

    /// A file; the line of the problem, and words of it.
    static let bad: [(String, String, String)] = [
        ("g.csv", "ann\n", "g.csv:1"), ("g.csv", "a,b\n,c\n", "g.csv:2"),
        ("g.csv", "a,\"b\n", "g.csv:1"), ("g.yaml", "a: b\n", "g.yaml:1"),
        ("g.yaml", "a: [b]\nc: [[d]]\n", "g.yaml:2"), ("g.yaml", "- a\n", "g.yaml:1"),
        ("g.ldif", "cn: a\n", "g.ldif:1"), ("g.ldif", "dn: a\nb\n", "g.ldif:2"),
        ("g.ldif", " folded\n", "g.ldif:1"), ("g.ldif", "dn: cn=a\ncn:: !!\n", "g.ldif:2"),
        ("g.ldif", "dn: cn=a\ndn: cn=b\n", "g.ldif:2"),
        ("g.csv", "a,\(String(repeating: "g", count: 257))\n", "g.csv:1"),
    ]

    @Test("what is wrong is named by its line", arguments: bad)
    func wrongFile(name: String, text: String, place: String) {
        let error = #expect(throws: ResponseError.self) { try GroupsFileTests.parse(text, name) }
        #expect(error?.description.hasPrefix(place + ":") == true, "\(error?.description ?? "")")
    }

    @Test("a file that is no text or not there is refused")
    func unreadable() {
        #expect(throws: ResponseError.self) { try GroupsFile.parse([0xFF, 0xFE], path: "g.csv") }
        #expect(throws: ResponseError.self) { try GroupsFile.read("/no/such/file") }
        #expect(throws: ResponseError.self) { try GroupsFile.read("/dev/zero") }
    }
}
