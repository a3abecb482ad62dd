"""Something to solve before a code is sent or a number is booked, where a rule has fired (R3.7).

A browser with script works it out by itself (`work`); without script a picture is read (`picture`). Each solution is
for one purpose, for a short time, and counts once. What may be done without is `rules`; views ask `gate`.
"""
