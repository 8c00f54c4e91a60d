def test_a_run(new_run, tune, events):
    folder = new_run()
    outcome = tune(folder)
    print(outcome)
    for e in events(folder): print(str(e)[:300])
    print(open(folder.card).read())
    assert 0
