"""Connector guides as HTML."""

from appliance.admin.guide import render_guide


def test_headings_lists_and_code_stand_below_the_pages_own_headings() -> None:
    html = "<h3>Rights</h3>\n<ul>\n<li>read</li>\n</ul>\n<p><code>x</code></p>\n"
    assert render_guide("# Rights\n\n- read\n\n`x`") == html


def test_html_in_a_guide_is_text() -> None:
    assert "<script" not in render_guide("<script>alert(1)</script>\n\na <b onclick=x>b</b>")


def test_a_link_is_text_with_its_address() -> None:
    assert render_guide("See [the manual](https://vendor.example/m).") == (
        "<p>See the manual (https://vendor.example/m).</p>\n"
    )
    assert render_guide("<https://vendor.example/m>") == "<p>https://vendor.example/m</p>\n"
    assert "href" not in render_guide("[x](javascript:alert(1)) ![p](https://vendor.example/p.png)")


def test_a_table_brings_no_inline_style() -> None:
    assert "style" not in render_guide("| a | b |\n|:--|--:|\n| 1 | 2 |")
