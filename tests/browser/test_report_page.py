"""What a reader does with the report: search, filter, sort, page, open, step, print; without scripts too."""

import pytest

from tests.synthetic_reports import plain_runs, report_data, run_of


def many():
    return report_data(plain_runs(250, broke=130, fixed=3))


def several():
    before, after = plain_runs()
    return report_data((before, after), (before, run_of(before.results, "same")))


@pytest.fixture
def page(open_page, written):
    return open_page(written("many", many)).page


def shown(page):
    return page.locator("#case-rows tr").count()


def status(page):
    return page.text_content("#case-count")


def test_broke_comes_first_then_fixed_and_a_page_holds_100(page):
    assert shown(page) == 100
    assert status(page) == "1 to 100 of 250 cases"
    kinds = page.locator("#case-rows td:first-child").all_text_contents()
    assert set(kinds) == {"broke"}
    page.click("#page-next")
    kinds = page.locator("#case-rows td:first-child").all_text_contents()
    assert kinds == sorted(
        kinds, key=lambda kind: ["broke", "fixed"].index(kind) if kind in ("broke", "fixed") else 2
    )
    assert "fixed" in kinds


def test_search_takes_every_word_and_says_how_many_match(page):
    page.fill("#search", "T-0007 LATE")
    assert status(page) == "1 to 1 of 1 cases"
    assert page.text_content("#case-rows a") == "t-0007"
    page.fill("#search", "nothing like this")
    assert status(page) == "No case matches."
    page.click("#reset")
    assert status(page) == "1 to 100 of 250 cases"


def test_filters_join(page):
    page.select_option("#pick-kind", "broke")
    broke = status(page)
    page.select_option("#pick-slice", label="channel: chat")
    page.select_option("#pick-path", label="other deployment")
    both = status(page)
    assert broke != both
    assert page.locator("#case-rows td:first-child").all_text_contents() == ["broke"] * shown(page)


def test_sorting_by_cost_puts_the_largest_change_first_and_then_the_smallest(page):
    def costs():
        texts = page.locator("#case-rows td:nth-last-child(2)").all_text_contents()
        return [float(text.replace("−", "-").replace("$", "").replace("+", "")) for text in texts]

    page.click("#case-head [data-sort=usd]")
    assert page.get_attribute("#case-head th:nth-last-child(2)", "aria-sort") == "descending"
    assert costs() == sorted(costs(), reverse=True)
    page.click("#case-head [data-sort=usd]")
    assert costs() == sorted(costs())
    assert page.evaluate("document.activeElement.dataset.sort") == "usd"


def test_a_number_of_the_square_shows_its_cases(page):
    page.click(".square a[data-show=fixed]")
    assert page.input_value("#pick-kind") == "fixed"
    assert page.locator("#case-rows td:first-child").all_text_contents() == ["fixed"] * shown(page)


def test_a_deep_link_opens_its_case_and_closing_goes_to_its_row(open_page, written):
    page = open_page(written("many", many), "#case=t-0200").page
    page.wait_for_selector("#case[open]")
    assert page.text_content("#case-title") == "t-0200"
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement.textContent === 't-0200'")
    assert page.locator("#case[open]").count() == 0
    assert page.evaluate("location.hash") == "#cases"


def test_the_keys_walk_through_rows_and_cases(page):
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("j?f")
    assert page.input_value("#search") == "j?f"
    page.click("#reset")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.evaluate("document.activeElement.textContent")
    assert first == page.text_content("#case-rows tr:nth-child(1) a")
    page.keyboard.press("Enter")
    page.wait_for_selector("#case[open]")
    assert page.text_content("#case-title") == first
    page.keyboard.press("j")
    page.wait_for_function("first => document.getElementById('case-title').textContent !== first", arg=first)
    assert page.text_content("#case-title") == page.text_content("#case-rows tr:nth-child(2) a")
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.getElementById('case').open && !location.hash.includes('case=')")
    page.keyboard.press("f")
    assert page.input_value("#pick-kind") == "broke"
    page.keyboard.press("f")
    assert page.input_value("#pick-kind") == "fixed"
    page.keyboard.press("?")
    page.wait_for_function("() => document.getElementById('keys').open")
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.getElementById('keys').open")


def test_a_case_shows_prompt_answers_grades_path_and_cost(page):
    page.fill("#search", "t-0003")
    page.click("#case-rows a")
    page.wait_for_selector("#case[open] .path")
    text = page.text_content("#case-body")
    for part in (
        "Answer yes or no.",
        "Is the parcel of t-0003 late?",
        "perhaps, on the whole",
        "score 1.00",
        "expected yes",
        "Router: score 0.5000 sent it to weak",
        "Call to weak",
        "40 input × $0.15 + 8 output × $0.60 per 1M tokens",
        "$0.0000108",
        "session s1",
    ):
        assert part in text
    assert page.locator("#case-body del").all_text_contents() == ["yes"]
    assert page.locator("#case-body ins").all_text_contents() == ["perhaps, on the whole"]


def test_a_failed_case_says_why(page):
    page.fill("#search", "t-0000")
    page.click("#case-rows a")
    page.wait_for_selector("#case[open] .path")
    assert "no answer in time" in page.text_content("#case-body")
    assert "failed, timeout (200) after 0.500 s" in page.text_content("#case-body")


def test_another_comparison_of_the_page_is_a_choice_away(open_page, written):
    page = open_page(written("with-the-same", several)).page
    assert "small" in page.text_content("#pick-comparison option:nth-child(1)")
    page.select_option("#pick-comparison", "1")
    page.wait_for_function("() => document.getElementById('pick-kind').textContent.indexOf('broke') < 0")
    page.click("#case-rows a >> nth=0")
    page.wait_for_selector("#case[open] .path")
    assert "same answer" in page.text_content("#case-body")
    assert page.evaluate("location.hash").endswith("&in=1")


def test_a_report_without_texts_opens_cases_all_the_same(open_page, written):
    page = open_page(written("untold", lambda: report_data(texts="none"))).page
    page.click("#case-rows a >> nth=0")
    page.wait_for_selector("#case[open] .path")
    text = page.text_content("#case-body")
    assert "does not hold the texts" in text
    assert "Call to weak" in text


def test_without_scripts_everything_but_the_table_is_there(open_page, written):
    page = open_page(written("many", many), wait=False, java_script_enabled=False).page
    for part in ("limits", "flips", "pareto", "latency", "money", "slices", "how"):
        assert page.locator(f"#{part}").is_visible()
    assert page.locator("h1").is_visible()
    assert page.locator(".static-flips tbody tr").count() == 50
    assert page.locator("div.static-flips >> nth=0").is_visible()
    assert not page.locator("#search").is_visible()
    page.click("#how summary >> nth=0")
    assert page.locator("#how details[open]").count() == 1


def test_on_paper_stand_the_named_flips_and_no_controls(page):
    page.emulate_media(media="print")
    assert page.locator("div.static-flips >> nth=0").is_visible()
    for hidden in ("#search", "#case-rows", "nav", "#page-next"):
        assert not page.locator(hidden).is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_dark_is_dark_and_light_is_light(open_page, written):
    def brightness(scheme):
        page = open_page(written("many", many), color_scheme=scheme).page
        color = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in color[4:-1].split(","))

    assert brightness("light") > 700
    assert brightness("dark") < 100


def test_forced_colors_keep_the_marks(open_page, written):
    page = open_page(written("many", many), forced_colors="active").page
    assert page.evaluate("getComputedStyle(document.querySelector('.whisker')).stroke") != "none"
    assert page.locator(".gate .badge >> nth=0").is_visible()
