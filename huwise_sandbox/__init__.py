"""A pretend Huwise workspace that speaks the Automation API over real HTTP.

Run it with ``python -m huwise_sandbox``. It stands alone: it imports nothing
of the app and the app never imports it. Reading order:

    records      the shape of users and groups on the wire
    names        what the inhabitants are called
    maker        the tools with which one inhabitant is made
    ordinary     the kinds of account every workspace is full of
    oddities     the kinds of account that break careless clients
    population   a whole, seeded workspace; or one read from a fixtures file
    workspace    the living state: who is a member, with which rights and keys
    listing      search, sort, filter and page parameters
    invitations  inviting and provisioning
    replies      what goes back over the wire, errors included
    api          the vendor's routes
    control      ``/_sandbox/``: what a test does behind the API's back
    faults       the misbehaviour a test can order
    journal      what was asked of us, DELETE by DELETE
    site         one request from fault to answer, no sockets
    server       the sockets
    state_file   survival of a restart
"""
