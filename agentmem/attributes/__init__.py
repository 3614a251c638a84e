"""A model of attributes of people, by which the ranking finds the latest statement of one."""
