from mesh.core.errors import Code, Fault, Internal


def test_every_fault_has_a_code_and_the_codes_are_the_wires() -> None:
    assert set(Code) == {kind.code for kind in Fault.__subclasses__()}
    assert [422, 401, 403, 404, 409, 413, 429, 503, 504, 500] == [code.number for code in Code]
    assert "internal error" == str(Internal())
