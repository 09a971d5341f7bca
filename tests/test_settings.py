import dataclasses
import json
import tomllib
from pathlib import Path

import pytest

from appliance import settings as settings_module
from appliance.settings import MASK, Settings, SettingsInvalid, load_settings, options, sample

SHIPPED = Path(__file__).parents[1] / "config" / "appliance.toml"
PASSPHRASE = "correct horse battery staple"
PROXY = "http://svc:hunter2@proxy.plant.example:3128"


@pytest.fixture(autouse=True)
def no_file_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(settings_module, "DEFAULT_CONFIG", tmp_path / "absent.toml")


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "appliance.toml"
        path.write_text(text)
        return path

    return write


def load(flags=None, environ=None, config=None):
    return load_settings(flags or {}, environ or {}, config)


def refused(*arguments, **options):
    with pytest.raises(SettingsInvalid) as caught:
        load(*arguments, **options)
    return caught.value


def test_without_any_source_every_option_has_its_default():
    settings = load()
    assert settings == Settings()
    assert settings.data_dir == Path.cwd() / "data"
    assert (settings.listen.host, settings.listen.port) == ("127.0.0.1", 8443)
    assert settings.workers == 4
    assert settings.http_max_bytes == 64 * 1024 * 1024
    assert settings.master_passphrase is None
    assert settings.egress_allow == ()
    assert {line.origin for line in settings.effective()} == {"default"}


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(config):
    path = config("workers = 5\nweb_threads = 9\n[sync]\nlease_seconds = 100\n")
    settings = load(
        {"workers": "7"}, {"APPLIANCE_WORKERS": "6", "APPLIANCE_WEB_THREADS": "10", "HOME": "/"}, path
    )
    assert (settings.workers, settings.web_threads, settings.sync_lease_seconds) == (7, 10, 100)
    origins = {line.key: line.origin for line in settings.effective()}
    assert origins["workers"] == "flag workers"
    assert origins["web_threads"] == "APPLIANCE_WEB_THREADS"
    assert origins["sync.lease_seconds"] == str(path)
    assert origins["listen"] == "default"


def test_the_file_is_the_one_of_the_flag_then_of_the_variable_then_of_the_machine(
    config, tmp_path, monkeypatch
):
    machine = tmp_path / "machine.toml"
    machine.write_text("workers = 10")
    monkeypatch.setattr(settings_module, "DEFAULT_CONFIG", machine)
    variable = tmp_path / "variable.toml"
    variable.write_text("workers = 11")
    environ = {"APPLIANCE_CONFIG": str(variable)}
    assert load().workers == 10
    assert load({}, environ).workers == 11
    assert load({}, environ, config("workers = 12")).workers == 12


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path):
    assert "No such file" in refused(config=tmp_path / "none.toml").message
    assert "No such file" in refused(environ={"APPLIANCE_CONFIG": str(tmp_path / "none.toml")}).message


def test_a_file_that_is_no_toml_is_an_error_with_the_line(config):
    assert "line 2" in refused(config=config("workers = 4\nlisten =\n")).message


@pytest.mark.parametrize(
    ("text", "named", "nearest"),
    [
        ("worker = 4", "worker", "workers"),
        ("[sync]\ninterval = 3600", "sync.interval", "sync.interval_seconds"),
        ("[snyc]\nlease_seconds = 10", "snyc.lease_seconds", "sync.lease_seconds"),
        ("[sesion]", "sesion", "session.hours"),
        ("[listen]\nhost = 'a'", "", ""),
        ("log = 3", "log", "log.level"),
    ],
)
def test_an_unknown_key_of_the_file_names_the_nearest(config, text, named, nearest):
    error = refused(config=config(text))
    if named:
        assert f"Unknown setting {named} (" in error.message
        assert f"Did you mean {nearest}?" in error.message
    else:
        assert "listen" in error.message
        assert "got a section" in error.message


def test_an_unknown_variable_names_the_nearest_and_variables_of_tests_do_not_count():
    error = refused(environ={"APPLIANCE_SYNC_INTERVAL": "1"})
    assert "Did you mean APPLIANCE_SYNC_INTERVAL_SECONDS?" in error.message
    assert (
        "Did you mean APPLIANCE_MASTER_PASSPHRASE_FILE?"
        in refused(environ={"APPLIANCE_MASTER_PASS_PHRASE_FILE": "x"}).message
    )
    assert load(environ={"APPLIANCE_TEST_ANYTHING": "1", "OTHER_WORKERS": "1"}) == Settings()


def test_an_unknown_flag_names_the_nearest():
    assert "Did you mean listen?" in refused({"listn": "a:1"}).message


@pytest.mark.parametrize(
    ("text", "key", "kind"),
    [
        ('workers = "4"', "workers", "a whole number from 2 to 64, got another text. Example: 4"),
        ("workers = true", "workers", "a whole number from 2 to 64, got true or false"),
        ("workers = 65", "workers", "a whole number from 2 to 64, got a number"),
        ("workers = 4.0", "workers", "a whole number"),
        ("[sync]\ninterval_seconds = 899", "sync.interval_seconds", "a whole number from 900"),
        ('listen = "8443"', "listen", 'host:port, got another text. Example: "127.0.0.1:8443"'),
        ('listen = "127.0.0.1:99999"', "listen", "host:port"),
        ("data_dir = ''", "data_dir", "a path"),
        ("data_dir = 1979-05-27", "data_dir", "a path, got a date or time"),
        ("[tls]\nmode = 'none'", "tls.mode", "one of self_signed, files, proxy"),
        ("[egress]\nallow = 'erp'", "egress.allow", "a list of networks (CIDR) and host patterns"),
        ("[egress]\nallow = ['10.0.0.0/33']", "egress.allow", "a list of networks (CIDR) and host patterns"),
        ("[egress]\nallow = ['10.0.0.1/8']", "egress.allow", "a list of networks (CIDR) and host patterns"),
        ("[egress]\nallow = ['*.*.example']", "egress.allow", "a list of networks (CIDR) and host patterns"),
        ("[egress]\nallow = ['10.0.0']", "egress.allow", "a list of networks (CIDR) and host patterns"),
        ("[http]\nmax_bytes = '64 megabytes'", "http.max_bytes", "a size in bytes"),
        ("[http]\nmax_bytes = 0", "http.max_bytes", "a size in bytes, with or without a unit, got a number"),
        ("public_url = 'ftp://x'", "public_url", "an http or https URL"),
        ("proxy_url = 'http://:bad'", "proxy_url", "an http, https or socks5 URL"),
        ("ca_files = [3]", "ca_files", "a list of paths"),
    ],
)
def test_a_value_of_the_wrong_kind_names_key_origin_kind_and_example(config, text, key, kind):
    path = config(text)
    error = refused(config=path)
    assert error.message.startswith(f"{key} ({path}) must be {kind}")
    assert "Example: " in error.message


def test_a_wrong_value_of_the_environment_names_the_variable():
    error = refused(environ={"APPLIANCE_WORKERS": "many"})
    assert error.message.startswith("workers (APPLIANCE_WORKERS) must be a whole number")
    assert error.details == {"key": "workers", "origin": "APPLIANCE_WORKERS", "example": "4"}


def test_every_example_in_a_message_is_a_value_that_is_accepted():
    for option in options():
        option.kind.parse(json.loads(option.example))
        option.kind.parse(json.loads(option.kind.example))


@pytest.mark.parametrize(
    ("text", "count"), [("64MiB", 64 << 20), ("1 GiB", 1 << 30), ("10kB", 10_000), ("512", 512), ("7B", 7)]
)
def test_sizes_may_have_a_unit(text, count):
    assert load(environ={"APPLIANCE_HTTP_MAX_BYTES": text}).http_max_bytes == count


def test_a_size_is_shown_with_the_largest_unit_that_fits():
    shown = {line.key: line.value for line in load({"http.max_bytes": "1536KiB"}).effective()}
    assert shown["http.max_bytes"] == "1536KiB"
    assert {line.key: line.value for line in load().effective()}["http.max_bytes"] == "64MiB"


def test_lists_are_arrays_in_the_file_and_separated_by_commas_elsewhere(config):
    text = '[egress]\nallow = ["10.20.0.0/16", "*.Plant.example", "fd00::/8", "erp", "192.0.2.7"]'
    wanted = ("10.20.0.0/16", "*.plant.example", "fd00::/8", "erp", "192.0.2.7/32")
    assert load(config=config(text)).egress_allow == wanted
    text = "10.20.0.0/16, *.plant.example,fd00::/8,erp,192.0.2.7,"
    assert load(environ={"APPLIANCE_EGRESS_ALLOW": text}).egress_allow == wanted


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("0.0.0.0:443", "0.0.0.0", 443), ("[::1]:8443", "::1", 8443), ("erp:0", "erp", 0)],
)
def test_listen_takes_names_and_both_kinds_of_address(text, host, port):
    listen = load({"listen": text}).listen
    assert (listen.host, listen.port) == (host, port)
    assert str(listen) == text


def test_an_empty_text_unsets_an_optional_value(config):
    path = config('public_url = "https://a.example/"')
    assert load(config=path).public_url == "https://a.example"
    assert load(environ={"APPLIANCE_PUBLIC_URL": ""}, config=path).public_url is None


def test_relative_paths_start_at_the_working_directory(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load({"data_dir": "x/y"}).data_dir == tmp_path / "x" / "y"
    assert Settings().data_dir == tmp_path / "data"


def test_a_secret_may_be_read_from_a_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(PASSPHRASE + "\n")
    settings = load(environ={"APPLIANCE_MASTER_PASSPHRASE_FILE": str(path)})
    assert settings.master_passphrase == PASSPHRASE
    assert settings.origins["master_passphrase"] == "APPLIANCE_MASTER_PASSPHRASE_FILE"


def test_a_secret_file_that_is_missing_is_an_error(tmp_path):
    error = refused(environ={"APPLIANCE_PROXY_URL_FILE": str(tmp_path / "none")})
    assert "APPLIANCE_PROXY_URL_FILE" in error.message
    assert "No such file" in error.message


def test_a_secret_given_twice_is_an_error():
    error = refused(environ={"APPLIANCE_PROXY_URL": PROXY, "APPLIANCE_PROXY_URL_FILE": "/x"})
    assert "set only one of them" in error.message


def test_a_secret_is_not_taken_from_a_flag():
    error = refused({"master_passphrase": PASSPHRASE})
    assert "APPLIANCE_MASTER_PASSPHRASE_FILE" in error.message
    assert PASSPHRASE not in error.message


def test_only_secrets_may_come_from_a_file():
    assert (
        "Unknown setting APPLIANCE_WORKERS_FILE" in refused(environ={"APPLIANCE_WORKERS_FILE": "/x"}).message
    )


def test_secrets_show_neither_in_the_effective_settings_nor_in_repr_nor_in_errors(config):
    settings = load(environ={"APPLIANCE_MASTER_PASSPHRASE": PASSPHRASE, "APPLIANCE_PROXY_URL": PROXY})
    lines = {line.key: line for line in settings.effective()}
    assert lines["master_passphrase"].value == lines["proxy_url"].value == MASK
    error = refused(environ={"APPLIANCE_PROXY_URL": PROXY.replace("http", "gopher")})
    misplaced = refused(config=config(f'listen = "{PROXY}"'))
    everything = (
        f"{settings!r} {list(lines.values())} {error} {error.details} {misplaced} {misplaced.details}"
    )
    assert "hunter2" not in everything
    assert PASSPHRASE not in everything


def test_a_secret_that_is_not_set_is_shown_as_not_set():
    assert {line.key: line.value for line in load().effective()}["proxy_url"] == ""


def test_own_certificate_files_need_both_certificate_and_key(config):
    assert (
        "tls.certificate and tls.key"
        in refused(config=config("[tls]\nmode = 'files'\ncertificate = 'a.pem'")).message
    )
    settings = load(config=config("[tls]\nmode = 'files'\ncertificate = '/a.pem'\nkey = '/b.pem'"))
    assert (settings.tls_certificate, settings.tls_key) == (Path("/a.pem"), Path("/b.pem"))


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().workers = 5


def test_every_attribute_is_named_as_its_key_and_every_option_says_why():
    names = [one.name for one in dataclasses.fields(Settings) if one.name != "origins"]
    assert [option.attribute for option in options()] == names
    assert len({option.variable for option in options()}) == len(names)
    for option in options():
        assert option.why.endswith(".")
        assert "\n" not in option.why
        assert len(option.why) < 100


def test_the_shipped_file_is_the_table(config):
    assert SHIPPED.read_text() == sample()
    assert load(config=SHIPPED) == Settings()


def test_the_shipped_file_with_every_line_in_force_changes_nothing(config):
    lines = SHIPPED.read_text().splitlines()
    keys = [option.key.rpartition(".")[2] for option in options()]
    in_force = "\n".join(
        line.removeprefix("# ") if line.startswith(tuple(f"# {k} =" for k in keys)) else line
        for line in lines
    )
    assert sum(
        len(value) if isinstance(value, dict) else 1 for value in tomllib.loads(in_force).values()
    ) == len(keys)
    loaded = load(config=config(in_force))
    assert loaded == Settings()
    assert set(loaded.origins) == {option.key for option in options()}
